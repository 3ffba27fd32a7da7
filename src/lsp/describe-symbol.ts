// What a hover shows about a symbol, as Markdown.
import { TsdbtError } from '../errors.ts';
import type { ParsedProject } from '../index.ts';
import type { RelationColumns } from './relation-columns.ts';
import type { ProjectSymbol, SymbolTable } from './symbol-table.ts';

/** Lines of compiled SQL that are shown. */
const MOST_LINES = 60;

/** @returns null if there is nothing to say */
export async function describe(
  parsed: ParsedProject,
  table: SymbolTable,
  columns: RelationColumns,
  symbol: ProjectSymbol,
): Promise<string | null> {
  const { id } = symbol;
  if (symbol.column !== null) return column(parsed, columns, id, symbol.column);
  if (id.startsWith('var.')) return variable(parsed, id.slice(4));
  const macro = table.macro(id);
  if (macro !== undefined) {
    const signature = macroSignature(macro.macro_sql) ?? `${macro.name}()`;
    const documented = macro.arguments.map((each) =>
      `- \`${each.name}\` ${each.type ?? ''} ${each.description}`.trimEnd(),
    );
    return paragraphs(
      code('jinja', signature),
      macro.description,
      documented.join('\n'),
      `macro of \`${macro.package_name}\``,
    );
  }
  const doc = table.doc(id);
  if (doc !== undefined) return paragraphs(`doc block \`${doc.name}\``, doc.block_contents);
  return node(parsed, table, columns, id);
}

async function node(
  parsed: ParsedProject,
  table: SymbolTable,
  columns: RelationColumns,
  id: string,
): Promise<string | null> {
  const found = table.node(id);
  if (found === undefined) return null;
  const kind = found.resource_type === 'model' ? `${String(found.config.materialized)} model` : found.resource_type;
  const title = `**${found.resource_type === 'source' ? `${found.source_name}.` : ''}${found.name}** (${kind})`;
  const list = (await columns.of(parsed, id)).map(
    ({ name, type, description }) =>
      `- \`${name}\`${type === null ? '' : ` ${type}`}${description === '' ? '' : `: ${firstLine(description)}`}`,
  );
  const own = found.resource_type === 'model' || found.resource_type === 'snapshot' ? found : null;
  const sql = own === null || own.language === 'python' ? null : await columns.compiled(parsed, own);
  return paragraphs(
    title,
    found.description,
    found.relation_name === null ? '' : `\`${found.relation_name}\``,
    list.length === 0 ? '' : list.slice(0, MOST_LINES).join('\n'),
    sql === null
      ? ''
      : sql instanceof TsdbtError
        ? `Not compiled: ${firstLine(sql.message)}`
        : code('sql', cut(sql.first.trim())),
  );
}

async function column(
  parsed: ParsedProject,
  columns: RelationColumns,
  id: string,
  name: string,
): Promise<string | null> {
  const known = (await columns.of(parsed, id)).find((each) => each.name.toLowerCase() === name.toLowerCase());
  const lineage = await columns.column(parsed, id, name);
  if (known === undefined && lineage === null) return null;
  const from = (lineage?.sources ?? []).map((each) => `- ${each.kind}: \`${each.node}.${each.column}\``);
  const inherited = known?.description === '' ? await inheritedDescription(parsed, columns, id, name) : '';
  return paragraphs(
    `**${name}**${known?.type == null ? '' : ` ${known.type}`} of \`${id}\``,
    known?.description ?? '',
    inherited,
    from.length === 0 ? '' : `From\n${from.join('\n')}`,
    lineage?.reason == null ? '' : `Not fully known: ${firstLine(lineage.reason)}`,
  );
}

/** The description of the column whose value this one has. */
async function inheritedDescription(
  parsed: ParsedProject,
  columns: RelationColumns,
  id: string,
  name: string,
): Promise<string> {
  const seen = new Set<string>();
  for (let [at, called] = [id, name]; !seen.has(at); ) {
    seen.add(at);
    const sources = (await columns.column(parsed, at, called))?.sources ?? [];
    const [only] = sources;
    if (only === undefined || sources.length > 1 || (only.kind !== 'identical' && only.kind !== 'renamed')) return '';
    [at, called] = [only.node, only.column];
    const found = (await columns.of(parsed, at)).find((each) => each.name.toLowerCase() === called.toLowerCase());
    if (found !== undefined && found.description !== '') return `${found.description} (of \`${at}.${called}\`)`;
  }
  return '';
}

function variable({ config }: ParsedProject, name: string): string | null {
  const { vars, project_name } = config.project;
  const own = vars[project_name];
  const scoped = typeof own === 'object' && own !== null && !Array.isArray(own) ? own[name] : undefined;
  const value = config.cli_vars[name] ?? scoped ?? vars[name];
  return value === undefined ? null : paragraphs(`variable \`${name}\``, code('json', JSON.stringify(value)));
}

/** The first line of a macro without its tag: `cents(column, digits=2)`. */
export function macroSignature(sql: string): string | null {
  const found = /\{%-?\s*(?:macro|test|data_test)\s+([\s\S]*?\))\s*-?%\}/.exec(sql)?.[1];
  return found === undefined ? null : found.replace(/\s+/g, ' ');
}

const firstLine = (text: string): string => text.split('\n')[0] ?? '';
const code = (language: string, text: string): string => `\`\`\`${language}\n${text}\n\`\`\``;
const paragraphs = (...parts: readonly string[]): string => parts.filter((part) => part.trim() !== '').join('\n\n');

function cut(sql: string): string {
  const lines = sql.split('\n');
  return lines.length <= MOST_LINES
    ? sql
    : [...lines.slice(0, MOST_LINES), `-- ${lines.length - MOST_LINES} more lines`].join('\n');
}
