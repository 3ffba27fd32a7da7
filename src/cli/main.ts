// The program: parses the command line, runs the command's handler, sets the exit code. Handlers are imported on
// demand, so that a small command starts fast.
import { errorOf } from '../error-table.ts';
import { formatError, TsdbtError } from '../errors.ts';
import { unforged } from '../log.ts';
import { Secrets } from '../secrets.ts';
import { badYamlOption, sayBadYaml } from './bad-yaml.ts';
import { type CommandSession, environmentOf, withCommand } from './command-session.ts';
import { wasStopped } from './ending.ts';
import { type CommandHandler, createProgram, exitAfterHelp, type ParsedCommand } from './options.ts';
import { watchOutputs } from './outputs.ts';
import { versionText } from './version.ts';

type Work = (session: CommandSession) => Promise<boolean>;

/** The command that runs. */
let running: string | null = null;

const handler =
  (find: () => Promise<Work>): CommandHandler =>
  async (command: ParsedCommand) => {
    running = command.which;
    return withCommand(command, async (session) => (await find())(session));
  };
const runs = handler(async () => {
  const [{ runCommand }, { runEvery }] = await Promise.all([
    import('./commands/run.ts'),
    import('./commands/every.ts'),
  ]);
  return (session) => {
    if (typeof session.flags['every'] === 'string') return runEvery(session);
    if (session.flags['if_changed'] === true) throw errorOf('ifChangedAlone', {});
    return runCommand(session);
  };
});

const HANDLERS: Readonly<Record<string, CommandHandler>> = {
  run: runs,
  build: runs,
  test: runs,
  seed: runs,
  snapshot: runs,
  clone: runs,
  publish: handler(async () => {
    const [{ runCommand }, { listCopies }, { listOrphans }] = await Promise.all([
      import('./commands/run.ts'),
      import('./commands/publish-list.ts'),
      import('./commands/publish-orphans.ts'),
    ]);
    return (session) => {
      const { list, list_orphans: orphans, remove_orphans: remove, older_than: age } = session.flags;
      if (orphans === true || remove === true) return listOrphans(session);
      if (age !== undefined && age !== null)
        throw errorOf('optionUseless', { option: '--older-than', needs: "'--list-orphans' or '--remove-orphans'" });
      return list === true ? listCopies(session) : runCommand(session);
    };
  }),
  compile: handler(async () => (await import('./commands/compile.ts')).compileCommand),
  show: handler(async () => (await import('./commands/compile.ts')).showCommand),
  query: handler(async () => (await import('./commands/query.ts')).queryCommand),
  diff: handler(async () => (await import('./commands/diff.ts')).diffCommand),
  'unit-test': handler(async () => (await import('./commands/capture.ts')).captureCommand),
  plan: handler(async () => (await import('./commands/show-plan.ts')).planCommand),
  impact: handler(async () => (await import('./commands/show-impact.ts')).impactCommand),
  mcp: handler(async () => (await import('./commands/mcp.ts')).mcpCommand),
  lineage: handler(async () => (await import('./commands/show-lineage.ts')).lineageCommand),
  lsp: async (command) => (await import('./commands/lsp.ts')).lspCommand(command),
  parse: handler(async () => (await import('./commands/parse.ts')).parseCommand),
  list: handler(async () => (await import('./commands/list.ts')).listCommand),
  deps: handler(async () => (await import('./commands/deps.ts')).depsCommand),
  init: handler(async () => (await import('./commands/init.ts')).initCommand),
  clean: handler(async () => (await import('./commands/clean.ts')).cleanCommand),
  debug: handler(async () => (await import('./commands/debug.ts')).debugCommand),
  retry: handler(async () => (await import('./commands/retry.ts')).retryCommand),
  db: handler(async () => (await import('./commands/db.ts')).dbCommand),
  jobs: handler(async () => (await import('./commands/jobs.ts')).jobsCommand),
  runs: handler(async () => (await import('./commands/runs.ts')).runsCommand),
  completion: async ({ positional: [shell, folder] }) =>
    (await import('./commands/completion.ts')).completionCommand(shell, folder, process.env),
  produce: handler(async () => (await import('./commands/produce.ts')).produceCommand),
  load: handler(async () => (await import('./commands/load.ts')).loadAlone),
  sla: handler(async () => (await import('./commands/sla.ts')).slaCommand),
  freshness: handler(async () => (await import('./commands/freshness.ts')).freshnessCommand),
  'sync-sources': handler(async () => (await import('./commands/sync-sources.ts')).syncSourcesCommand),
  'run-operation': handler(async () => (await import('./commands/run-operation.ts')).runOperationCommand),
  generate: handler(async () => (await import('./commands/docs.ts')).generateCommand),
  serve: handler(async () => (await import('./commands/docs.ts')).serveCommand),
  'serve-jobs': handler(async () => (await import('./commands/serve.ts')).serveJobsCommand),
};

/** The environment with the variables of .env, if that file can be read. */
function environment(): Readonly<Record<string, string | undefined>> {
  try {
    return environmentOf({}).templates;
  } catch {
    return process.env;
  }
}

async function main(argv: readonly string[]): Promise<void> {
  let exitCode = 0;
  let finished = false;
  // The event loop is empty but the command has not finished: this must never end as a success.
  process.once('beforeExit', () => {
    if (finished) return;
    process.exitCode = 2;
    process.stderr.write(
      'Internal Error\n  The command stopped before it was finished: it waits for something that cannot come. ' +
        'Run it again; if it happens again, report it with logs/dbt.log.\n',
    );
  });
  const program = createProgram(HANDLERS, {
    version: versionText(),
    writeOut: (text) => void process.stdout.write(text),
    onExit: (code) => {
      exitCode = code;
    },
  });
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    const shown = exitAfterHelp(error);
    if (shown !== null) exitCode = shown;
    else {
      exitCode = error instanceof TsdbtError ? error.exitCode : 2;
      // Usage errors quote the typed text, and no log masks secrets yet.
      const secrets = new Secrets();
      secrets.addEnvironment(environment());
      const badYaml = badYamlOption(error);
      if (badYaml !== undefined) sayBadYaml(badYaml, argv, secrets);
      const text = error instanceof TsdbtError && error.kind === 'usage' ? error.message : formatError(error);
      process.stderr.write(`${secrets.mask(unforged(text))}\n`);
    }
  }
  finished = true;
  process.exitCode = exitCode;
  // A pending request to a server that does not answer would keep the process alive.
  if (wasStopped()) process.stdout.write('', () => process.exit());
}

watchOutputs(() => running);

/** For callers that run the program within their own process. */
export const finished = main(process.argv.slice(2));
