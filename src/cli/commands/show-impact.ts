// impact: prints which columns differ from an earlier version of the project, and which readers that breaks.
import { note, print } from '../../events/index.ts';
import {
  type ImpactChange,
  type ImpactClass,
  type ImpactOutcome,
  type NodeImpact,
  projectImpact,
} from '../../index.ts';
import { inColumns } from '../columns.ts';
import type { CommandSession } from '../command-session.ts';
import { unlessStopped } from '../ending.ts';
import { loadAndParse } from './run.ts';

/** Maximum number of readers that a line of text lists. */
const LISTED = 5;

/** @returns whether nothing breaks */
export async function impactCommand(session: CommandSession): Promise<boolean> {
  const { flags, logger, secrets } = session;
  const parsed = await loadAndParse(session, { write: false });
  const outcome = await unlessStopped(session.signal, projectImpact(parsed));
  const format = String(flags['output']);
  const linesOf = FORMATS.get(format) ?? textOf;
  for (const line of linesOf(outcome)) print(logger, format === 'json' ? secrets.maskJson(line) : secrets.mask(line));
  if (outcome.untyped !== null)
    note(logger, `Types of columns are not compared: ${outcome.untyped}`, { level: 'warn' });
  return outcome.nodes.every((each) => each.class !== 'breaking');
}

const FORMATS = new Map([
  ['json', jsonOf],
  ['markdown', markdownOf],
  ['github', githubOf],
]);

function jsonOf({ nodes }: ImpactOutcome): string[] {
  return nodes.map((each) => JSON.stringify(each));
}

function textOf({ nodes }: ImpactOutcome): string[] {
  const blocks = nodes.map((each) => {
    if (each.status !== 'changed') return `${each.node} is ${each.status}\n`;
    const rows = each.changes.map((change) => [
      change.column ?? '(rows)',
      changeText(change),
      change.class,
      readersText(change, (name) => name),
    ]);
    return [each.node, ...inColumns(rows).map((line) => `  ${line}`), ''].join('\n');
  });
  return [...blocks, totalsOf(nodes)];
}

const WORDS: Readonly<Record<ImpactChange['change'], string>> = {
  added: 'added',
  order: 'order only',
  removed: 'removed',
  renamed: 'renamed',
  rows: 'rows changed',
  type: 'type changed',
  values: 'values changed',
};

function changeText({ change, now, types, reason }: ImpactChange): string {
  if (types !== undefined) return `${WORDS[change]}: ${types.join(' to ')}`;
  if (now !== undefined) return `${WORDS[change]} to ${now} (guess)`;
  return reason === undefined ? WORDS[change] : `${WORDS[change]}: ${reason}`;
}

/** Readers of the change's own class. */
function readersText({ readers, class: of }: ImpactChange, shown: (name: string) => string): string {
  const worst = readers.filter((reader) => reader.class === of).map(({ node }) => shown(node));
  const more = worst.length > LISTED ? `, and ${worst.length - LISTED} more` : '';
  return `${worst.slice(0, LISTED).join(', ')}${more}`;
}

function totalsOf(nodes: readonly NodeImpact[]): string {
  const readers = new Map<string, ImpactClass>();
  for (const { readers: own } of nodes)
    for (const { node, class: found } of own)
      if (found === 'breaking' || readers.get(node) !== 'breaking') readers.set(node, found);
  const count = (of: ImpactClass): string => `${[...readers.values()].filter((each) => each === of).length} ${of}`;
  const changed = nodes.filter(({ status }) => status === 'changed').length;
  const [added, removed] = ['new', 'removed'].map((of) => nodes.filter(({ status }) => status === of).length);
  return (
    `${changed} changed, ${added} new, ${removed} removed. Readers of what changed: ${count('breaking')}, ` +
    `${count('additive')}, ${count('invisible')}`
  );
}

function markdownOf({ nodes }: ImpactOutcome): string[] {
  const rows = nodes.flatMap((each) =>
    each.status === 'changed'
      ? each.changes.map((change) => [
          code(each.node),
          change.column === null ? 'rows' : code(change.column),
          changeText(change),
          change.class,
          readersText(change, code),
        ])
      : [[code(each.node), '', each.status, each.class, '']],
  );
  const table = [['Node', 'Column', 'Change', 'Class', 'Readers'], Array.from({ length: 5 }, () => '---'), ...rows];
  const lines = table.map((cells) => `| ${cells.map((cell) => cell.replace(/[\n|]/g, ' ')).join(' | ')} |`);
  return [...(rows.length === 0 ? [] : [...lines, '']), totalsOf(nodes)];
}

function code(name: string): string {
  return `\`${name.replaceAll('`', "'")}\``;
}

/** Annotations of a pull request: workflow commands of GitHub Actions. */
function githubOf({ nodes }: ImpactOutcome): string[] {
  const levels: Readonly<Record<ImpactClass, string>> = { breaking: 'error', additive: 'notice', invisible: 'notice' };
  const lines = nodes.flatMap((each) => {
    const changes = each.changes.filter((change) => change.class === each.class);
    const texts = changes.map((change) => {
      const readers = readersText(change, (name) => name);
      return `${change.column ?? 'rows'}: ${changeText(change)}${readers === '' ? '' : `, read by ${readers}`}`;
    });
    const data = each.status === 'changed' ? texts.join('\n') : each.status;
    const path = each.status === 'removed' ? '' : `file=${property(each.path)},`;
    return `::${levels[each.class]} ${path}title=${property(`${each.node} ${each.class}`)}::${escaped(data)}`;
  });
  return [...lines, totalsOf(nodes)];
}

function escaped(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function property(text: string): string {
  return escaped(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
