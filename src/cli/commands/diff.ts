// diff: prints differences between relations of two targets, or between a model and its published copies, as text, JSON
// or CSV. src/diff compares.
import { join } from 'node:path';
import { errorOf } from '../../error-table.ts';
import { note, print } from '../../events/index.ts';
import {
  type Compared,
  diffCopies,
  type DiffOptions,
  diffTargets,
  type NotCompared,
  parse,
  type ParsedProject,
} from '../../index.ts';
import { inColumns } from '../columns.ts';
import { SILENT } from '../../log.ts';
import type { CommandSession } from '../command-session.ts';
import { loadAndParse, loadProject } from './run.ts';

/** @returns whether all compared relations are equal. @throws `usage` if the options name nothing to compare */
export async function diffCommand(session: CommandSession): Promise<boolean> {
  const { flags, logger } = session;
  const { to_target: target, copies, output } = flags;
  if ((typeof target === 'string') === (copies === true)) throw errorOf('diffWithWhat', {});
  const options = optionsOf(session);
  const parsed = await loadAndParse(session, { write: false });
  const found =
    typeof target === 'string'
      ? diffTargets(parsed, await inTarget(session, parsed, target), options)
      : diffCopies(parsed, options);
  const compared: Compared[] = [];
  const failed: NotCompared[] = [];
  for await (const each of found)
    if ('error' in each) failed.push(each);
    else {
      compared.push(each);
      if (output === 'table') print(logger, linesOf(each).join('\n'));
    }
  const [first, ...others] = failed;
  // A mistyped selection must not pass as equal.
  if (compared.length === 0 && first === undefined) throw errorOf('diffNothing', {});
  for (const each of compared.length === 0 ? others : failed)
    note(logger, `${each.name} could not be compared: ${each.error.message}`, { level: 'error' });
  if (compared.length === 0 && first !== undefined) throw first.error;
  const equal = failed.length === 0 && compared.every((each) => each.equal);
  if (output === 'json')
    print(logger, JSON.stringify({ equal, comparisons: compared.map(document), failed: failed.map(failure) }));
  if (output === 'csv') print(logger, csvOf(compared));
  return equal;
}

function failure({ name, uniqueId, error }: NotCompared): object {
  return { name, unique_id: uniqueId, why: error.message };
}

function optionsOf({ flags }: CommandSession): DiffOptions {
  const names = (value: unknown): string[] =>
    Array.isArray(value) ? value.flatMap((word) => String(word).split(',')).filter((name) => name !== '') : [];
  const limit = Number(flags['limit']);
  if (limit < 0) throw errorOf('diffBadLimit', { limit });
  const columns = names(flags['columns']);
  return {
    key: names(flags['key']),
    columns: columns.length === 0 ? null : columns,
    exclude: names(flags['exclude_columns']),
    where: typeof flags['where'] === 'string' ? flags['where'] : null,
    limit,
  };
}

/** The project with another target. Its parse is cached separately, and its messages are not repeated. */
async function inTarget(
  session: CommandSession,
  { config, targetPath }: ParsedProject,
  target: string,
): Promise<ParsedProject> {
  if (target === config.profile.target_name) throw errorOf('diffOwnTarget', { target });
  const target_path = join(targetPath, 'diff', encodeURIComponent(target));
  const silent = { ...session, flags: { ...session.flags, target, target_path }, logger: SILENT };
  return parse(await loadProject(silent), { write: false });
}

function linesOf({ name, here, there, equal, result }: Compared): string[] {
  const { counts, key, columns, differing, onlyHere, onlyThere, notCompared, sample } = result;
  const changed = columns.flatMap((column, at) => (differing[at] ? [`${column} ${differing[at]}`] : []));
  const facts = [
    ['rows', `${counts.here} here, ${counts.there} there`],
    ['only here', String(counts.only_here)],
    ['only there', String(counts.only_there)],
    ['different', `${counts.differs}${changed.length > 0 ? ` (${changed.join(', ')})` : ''}`],
    ...(onlyHere.length > 0 ? [['columns only here', onlyHere.join(', ')]] : []),
    ...(onlyThere.length > 0 ? [['columns only there', onlyThere.join(', ')]] : []),
    ...notCompared.map((each) => ['not compared', `${each.column}: ${each.here} here, ${each.there} there`]),
  ];
  const rows = sample.flatMap(({ kind, key: values, changes }) =>
    changes.length === 0
      ? [[WORDS[kind], values.join(', '), '', '', '']]
      : changes.map((change) => [
          WORDS[kind],
          values.join(', '),
          change.column,
          shown(change.here),
          shown(change.there),
        ]),
  );
  return [
    `${name}: ${equal ? 'equal' : 'different'}, by ${key.join(', ')}`,
    `  here   ${here}`,
    `  there  ${there}`,
    ...inColumns(facts).map((line) => `  ${line}`),
    ...(rows.length === 0
      ? []
      : ['', ...inColumns([['', key.join(', '), 'column', 'here', 'there'], ...rows.map(oneLine)])]),
    '',
  ];
}

const WORDS = { only_here: 'only here', only_there: 'only there', differs: 'different' } as const;

function shown(value: string | null): string {
  return value ?? 'null';
}

function oneLine(cells: readonly string[]): string[] {
  return cells.map((cell) => cell.replace(/[\n\r\t]/g, ' '));
}

/** The keys are documented in docs/diff.md and must not change. */
function document({ name, uniqueId, here, there, equal, result }: Compared): object {
  const { counts, key, columns, differing, onlyHere, onlyThere, notCompared, sample } = result;
  return {
    name,
    unique_id: uniqueId,
    here,
    there,
    equal,
    key,
    rows: counts,
    columns: columns.map((column, at) => ({ name: column, differs: differing[at] ?? 0 })),
    columns_only_here: onlyHere,
    columns_only_there: onlyThere,
    not_compared: notCompared,
    sample: sample.map(({ kind, key: values, changes }) => ({
      kind,
      key: Object.fromEntries(key.map((column, at) => [column, values[at] ?? null])),
      changes,
    })),
  };
}

const HEADER = ['name', 'kind', 'key', 'column', 'here', 'there'];

/** One line per sampled row that is only on one side, and per value that differs. */
function csvOf(compared: readonly Compared[]): string {
  const lines = compared.flatMap(({ name, result: { key, sample } }) =>
    sample.flatMap(({ kind, key: values, changes }) => {
      const named =
        values.length === 1
          ? (values[0] ?? '')
          : JSON.stringify(Object.fromEntries(key.map((column, at) => [column, values[at] ?? null])));
      return changes.length === 0
        ? [[name, kind, named, '', '', '']]
        : changes.map(({ column, here, there }) => [name, kind, named, column, here ?? '', there ?? '']);
    }),
  );
  return [HEADER, ...lines].map((cells) => cells.map(csvCell).join(',')).join('\n');
}

function csvCell(text: string): string {
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
