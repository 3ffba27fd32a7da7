// Serves facts about a project to assistants over the Model Context Protocol. Each tool runs a command, so that its
// answers are those of the command line, and masked like them.
import { McpServer } from '@modelcontextprotocol/server';
import { StdioServerTransport } from '@modelcontextprotocol/server/stdio';
import { z } from 'zod';
import { closeMatches } from '../values/close-matches.ts';

export interface McpCommand {
  /** The name of the command, and its options. */
  readonly args: readonly string[];
  /** Standard input of the command. */
  readonly input?: string;
  /** Exit code 1 means that the command found problems. */
  readonly findsProblems?: boolean;
}

export interface McpOptions {
  readonly version: string;
  /** Returns the standard output of a command. @throws {Error} with the command's message, if it failed */
  readonly run: (command: McpCommand, signal: AbortSignal) => Promise<string>;
  /** The results of the last run in the target folder, or null without one. */
  readonly lastRun: () => readonly LastResult[] | null;
  /** Whether assistants may query the target database. */
  readonly allowQuery: boolean;
  /** Stops the server. */
  readonly signal: AbortSignal;
}

export interface LastResult {
  readonly unique_id: string;
  readonly status: string;
  readonly message: string | null;
  readonly failures: number | null;
  readonly execution_time: number;
}

/** A longer answer would fill an assistant's context. */
const MAX_CHARACTERS = 200_000;
const MAX_ROWS = 1000;
/** Systems limit the arguments of a command. */
const MAX_ARGUMENT = 10_000;
const NODE_KEYS = ['unique_id', 'resource_type', 'name', 'version', 'description', 'original_file_path', 'tags'];
const DETAIL_KEYS = [
  ...NODE_KEYS,
  'fqn',
  'depends_on',
  'columns',
  'config',
  'relation_name',
  'source_name',
  'latest_version',
];
const WITH_SQL = new Set(['model', 'snapshot', 'test', 'analysis']);
const GOOD = new Set(['success', 'pass', 'reused', 'no-op']);

/** A string that a command cannot read as an option. */
const word = (text: string): z.ZodString =>
  z
    .string()
    .max(MAX_ARGUMENT)
    .regex(/^[^\s-]/, 'must not begin with a hyphen or a space')
    .refine((value) => !value.includes('\0'), 'must not contain a NUL character')
    .describe(text);
const NODE = word('Name or unique_id, SOURCE.TABLE for a source, MODEL.v2 for a version');
const SELECT = word('Selection in dbt syntax, such as orders+ or tag:daily').optional();

const VERSION = z.union([z.string(), z.number()]).nullish();
/** What `ls --output json` prints for a node. */
const node = z.looseObject({
  unique_id: z.string(),
  resource_type: z.string(),
  name: z.string(),
  fqn: z.array(z.string()).optional(),
  source_name: z.string().optional(),
  version: VERSION,
  latest_version: VERSION,
  depends_on: z.looseObject({ nodes: z.array(z.string()).optional() }).optional(),
});
type ListedNode = z.infer<typeof node>;

/** Serves until the client disconnects or the signal aborts. The protocol uses stdin and stdout. */
export async function serveMcp(options: McpOptions): Promise<void> {
  const server = createMcpServer(options);
  const transport = new StdioServerTransport();
  const closed = new Promise<void>((resolve) => {
    server.server.onclose = resolve;
  });
  const close = (): void => void server.close();
  options.signal.addEventListener('abort', close);
  process.stdin.once('end', close);
  await server.connect(transport);
  if (options.signal.aborted) close();
  await closed;
}

/** The server with its tools, without a transport. */
function createMcpServer({ version, run, lastRun, allowQuery }: McpOptions): McpServer {
  const server = new McpServer(
    { name: 'tsdbt', version },
    { instructions: 'Facts about the dbt project in this folder. All tools are read-only.' },
  );
  const tool = <Input extends z.ZodRawShape>(
    name: string,
    description: string,
    input: Input,
    work: (args: z.infer<z.ZodObject<Input>>, signal: AbortSignal) => Promise<string>,
  ): void => {
    const annotations = { readOnlyHint: true, openWorldHint: false };
    server.registerTool(name, { description, inputSchema: z.object(input), annotations }, async (args, ctx) => {
      try {
        return { content: [{ type: 'text', text: checkLength(await work(args, ctx.mcpReq.signal)) }] };
      } catch (error) {
        const text = error instanceof Error ? error.message : String(error);
        return { isError: true, content: [{ type: 'text', text }] };
      }
    });
  };
  const list = async (args: readonly string[], keys: readonly string[], signal: AbortSignal): Promise<ListedNode[]> =>
    linesOf(await run({ args: ['ls', '--output', 'json', '--output-keys', ...keys, ...args] }, signal)).map((line) =>
      node.parse(JSON.parse(line)),
    );
  const find = async (asked: string, signal: AbortSignal): Promise<{ found: ListedNode; all: ListedNode[] }> => {
    const all = await list(['--resource-type', 'all'], DETAIL_KEYS, signal);
    const found =
      all.find((each) => each.unique_id === asked) ??
      all.find((each) => nameOf(each) === asked) ??
      all.find(({ name, version, latest_version: latest }) => name === asked && version != null && version === latest);
    if (found !== undefined) return { found, all };
    const [similar] = closeMatches(asked, all.map(nameOf), 1);
    throw new Error(
      `'${asked}' is not a node of the project.${similar === undefined ? '' : ` Did you mean '${similar}'?`} ` +
        'list_nodes shows all names.',
    );
  };

  tool(
    'list_nodes',
    'Lists models, sources, seeds, snapshots, tests and exposures with their descriptions.',
    {
      select: SELECT,
      exclude: SELECT,
      resource_type: z.enum(['model', 'source', 'seed', 'snapshot', 'test', 'unit_test', 'exposure']).optional(),
      limit: z.number().int().min(1).max(MAX_ROWS).default(100),
    },
    async ({ select, exclude, resource_type: type, limit }, signal) => {
      const args = [...option('--select', select), ...option('--exclude', exclude), ...option('--resource-type', type)];
      const nodes = await list(args, [...NODE_KEYS, 'config.materialized'], signal);
      return JSON.stringify({ total: nodes.length, nodes: nodes.slice(0, limit) });
    },
  );
  tool(
    'describe_node',
    'Describes a node: columns, config, file, the nodes that it reads and those that read it, with its tests.',
    { node: NODE },
    async ({ node: asked }, signal) => {
      const { found, all } = await find(asked, signal);
      const { fqn: _fqn, depends_on: _depends, latest_version: _latest, ...facts } = found;
      const readers = all.filter((each) => each.depends_on?.nodes?.includes(found.unique_id));
      const idsOf = (isTest: boolean): string[] =>
        readers.filter((each) => each.resource_type.endsWith('test') === isTest).map((each) => each.unique_id);
      const parents = found.depends_on?.nodes ?? [];
      return JSON.stringify({ ...facts, parents, children: idsOf(false), tests: idsOf(true) });
    },
  );
  tool(
    'column_lineage',
    'Shows which columns the columns of a node come from (direct, up) or go into (down), and how.',
    { node: NODE, column: word('A column; default: all').optional(), direction: z.enum(['direct', 'up', 'down']) },
    async ({ node: asked, column, direction }, signal) => {
      const place = column === undefined ? asked : `${asked}.${column}`;
      const args = direction === 'direct' ? [] : [`--${direction}`];
      return arrayOf(await run({ args: ['lineage', place, '--output', 'json', ...args] }, signal));
    },
  );
  tool(
    'compiled_sql',
    'Compiles the SQL of a model, snapshot, test or analysis, without the database.',
    { node: NODE },
    async ({ node: asked }, signal) => {
      const { found } = await find(asked, signal);
      if (!WITH_SQL.has(found.resource_type))
        throw new Error(`'${asked}' is a ${found.resource_type}, which has no SQL.`);
      const select = ['--select', found.fqn?.join('.') ?? found.name];
      const args = ['compile', '--no-introspect', '--no-populate-cache', '--output', 'json'];
      return run({ args: [...args, ...select] }, signal);
    },
  );
  tool(
    'check_sql',
    'Finds mistakes in SQL and YAML on empty tables of a local engine, without the database.',
    { select: SELECT },
    async ({ select }, signal) => {
      const args = ['compile', '--strict', '--output', 'json', ...option('--select', select)];
      return arrayOf(await run({ args, findsProblems: true }, signal));
    },
  );
  tool(
    'impact',
    'Shows which columns differ from the state that the server was started with, and which readers that breaks.',
    {},
    async (_args, signal) => arrayOf(await run({ args: ['impact', '--output', 'json'], findsProblems: true }, signal)),
  );
  tool(
    'last_run',
    'Shows the results of the last run in the target folder, by default only failures and warnings.',
    { all: z.boolean().default(false) },
    async ({ all }) => {
      const results = lastRun();
      if (results === null) return 'The target folder has no results of a run.';
      return JSON.stringify({
        total: results.length,
        results: results
          .filter(({ status }) => all || !GOOD.has(status))
          .map(({ unique_id, status, message, failures, execution_time }) => ({
            ...{ unique_id, status, message, failures },
            seconds: execution_time,
          })),
      });
    },
  );
  tool(
    'job_runs',
    'Shows the latest runs of the jobs that `tsdbt serve` runs, or one run with its nodes and errors.',
    { run: word('Run id, or its first characters').optional(), limit: z.number().int().min(1).max(200).default(20) },
    async ({ run: id, limit }, signal) => {
      const which = id === undefined ? ['--limit', String(limit)] : ['show', id];
      return run({ args: ['runs', ...which, '--output', 'json'] }, signal);
    },
  );
  if (allowQuery)
    tool(
      'query',
      'Runs one query, which may use ref() and source(), and returns its rows. The database rejects changes.',
      { sql: z.string(), limit: z.number().int().min(1).max(MAX_ROWS).default(100) },
      async ({ sql, limit }, signal) => {
        const args = ['query', '--read-only', '--file', '-', '--output', 'json', '--limit', String(limit)];
        return run({ args, input: sql }, signal);
      },
    );
  return server;
}

const option = (name: string, value: string | undefined): string[] => (value === undefined ? [] : [name, value]);
const linesOf = (text: string): string[] => text.split('\n').filter((line) => line !== '');
const arrayOf = (lines: string): string => `[${linesOf(lines).join(',\n')}]`;

function nameOf({ resource_type: type, source_name: source, name, version }: ListedNode): string {
  if (type === 'source') return `${source}.${name}`;
  return version == null ? name : `${name}.v${version}`;
}

function checkLength(text: string): string {
  if (text.length <= MAX_CHARACTERS) return text;
  throw new Error(
    `The answer has ${text.length} characters, more than ${MAX_CHARACTERS}. Ask for fewer nodes, columns or rows.`,
  );
}
