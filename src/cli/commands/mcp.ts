// mcp: serves facts about the project to assistants. Commands run in separate processes, with the options of this one.
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { previousRun } from '../../index.ts';
import type { McpCommand } from '../../mcp/server.ts';
import { isRunning } from '../is-running.ts';
import type { CommandSession } from '../command-session.ts';
import { ENDS_WITH_PARENT } from '../ending.ts';
import { TSDBT_VERSION } from '../version.ts';
import { writtenTarget } from './retry.ts';

/** Options that every command run by a tool accepts. */
const PASSED = ['project_dir', 'profiles_dir', 'target_path', 'profile', 'target', 'vars', 'state'];
/** Maximum characters of a command's stdout or stderr. */
const MAX_OUTPUT = 64 * 1024 * 1024;

/** Returns when the client has disconnected. */
export async function mcpCommand(session: CommandSession): Promise<boolean> {
  const { serveMcp } = await import('../../mcp/server.ts');
  const { signal, flags } = session;
  await serveMcp({
    version: TSDBT_VERSION,
    run: (command, stop) => runCommand(session, command, AbortSignal.any([stop, signal])),
    lastRun: () => previousRun(resolve(session.projectDir, writtenTarget(session)), isRunning)?.results ?? null,
    allowQuery: flags['allow_query'] === true,
    signal,
  });
  return true;
}

function runCommand(session: CommandSession, command: McpCommand, signal: AbortSignal): Promise<string> {
  const { typed } = session;
  const passed = PASSED.flatMap((name) => {
    const value = typed[name];
    if (value === undefined || value === null) return [];
    return [`--${name.replaceAll('_', '-')}`, typeof value === 'string' ? value : JSON.stringify(value)];
  });
  const all = ['--quiet', '--no-print', '--no-use-colors', '--no-write-json', ...command.args, ...passed];
  return new Promise((done, failed) => {
    const child = spawn(process.execPath, [...process.execArgv, process.argv[1] ?? '', ...all], {
      signal,
      // By the channel, a command notices that this process was killed, and stops its query.
      stdio: ['pipe', 'pipe', 'pipe', 'ipc'],
      env: { ...process.env, [ENDS_WITH_PARENT]: '1' },
    });
    const { stdin, stdout, stderr } = child;
    if (stdin === null || stdout === null || stderr === null) throw new Error('The command has no pipes.');
    const texts = { stdout: '', stderr: '' };
    for (const [name, stream] of [['stdout', stdout] as const, ['stderr', stderr] as const])
      stream.setEncoding('utf8').on('data', (text: string) => {
        texts[name] += text;
        if (texts[name].length <= MAX_OUTPUT) return;
        child.kill();
        failed(new Error(`The command printed more than ${MAX_OUTPUT} characters. Ask for less.`));
      });
    child.on('error', failed);
    child.on('close', (code) => {
      if (code === 0 || (code === 1 && command.findsProblems === true)) done(texts.stdout);
      else failed(new Error(messageOf(texts.stdout + texts.stderr)));
    });
    // A command that fails early closes its standard input.
    stdin.on('error', () => undefined).end(command.input ?? '');
  });
}

/** Removes the time and the prefix of a log line from an error. */
function messageOf(output: string): string {
  return output.replace(/^[\d:]+ +\[ERROR\]: Encountered an error:\n/, '').trim();
}
