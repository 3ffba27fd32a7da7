// Compares two versions of a query column by column: what their own SQL changes, and what changes of the relations that
// they read bring. What cannot be compared counts as changed rows.
import type {
  LineageDialect,
  OutputColumn,
  Parents,
  QueryLineage,
  SourceColumn,
  SqlToken,
  Use,
} from './column-lineage.ts';
import {
  clauseTexts,
  isPath,
  isSign,
  isWord,
  type QueryItem,
  type QueryParts,
  splitQuery,
  textOf,
} from './query-parts.ts';

export type ChangeKind = 'added' | 'removed' | 'renamed' | 'type' | 'values' | 'order';

export interface ColumnChange {
  /** The name before, if the column is renamed. */
  readonly column: string;
  readonly kind: ChangeKind;
  /** The name after. */
  readonly now?: string;
  /** The types before and after. */
  readonly types?: readonly [string, string];
  /** Origins of the change; '' is the query itself. */
  readonly causes: ReadonlySet<string>;
}

/** `order`: the rows are the same, but a query may return them in another order. */
export interface RowChange {
  readonly kind: 'rows' | 'order';
  readonly reason: string;
  readonly causes: ReadonlySet<string>;
}

export interface RelationChange {
  readonly columns: readonly ColumnChange[];
  readonly rows: readonly RowChange[];
}

/** One version of a query. */
export interface QueryVersion {
  readonly sql: string;
  readonly parents: Parents;
}

export const UNCHANGED: RelationChange = { columns: [], rows: [] };
const OWN: ReadonlySet<string> = new Set(['']);

interface Unit {
  readonly sql: string;
  readonly tokens: readonly SqlToken[] | null;
  readonly parts: QueryParts | null;
  readonly lineage: QueryLineage;
  /** Relations, and how often each occurs. */
  readonly reads: ReadonlyMap<string, number>;
}

/** An output column with the expression that it comes from. */
interface Output {
  readonly output: OutputColumn;
  /** The items of the select list that it comes from. Empty if the query is compared as a whole. */
  readonly items: readonly QueryItem[];
  /** The expression, or the column that it passes on; the same with the former names of renamed columns. */
  readonly texts: readonly [string, string];
  readonly written: string;
  /** The lineage with former names. */
  readonly flow: string;
}

/**
 * @param changeOf the change of a relation that the queries read
 * @param others relations that the queries read without their names being visible
 */
export async function compareQueries(
  dialect: LineageDialect,
  [before, now]: readonly [QueryVersion, QueryVersion],
  changeOf: (node: string) => RelationChange | undefined,
  others: readonly string[] = [],
  path = '',
): Promise<RelationChange> {
  const changes = new Map<string, RelationChange>();
  const find = (node: string): RelationChange | undefined => changes.get(node) ?? changeOf(node);
  const sides = [before, now].map(({ sql, parents }) => {
    const tokens = dialect.tokens(sql);
    const parts = tokens === null ? null : splitQuery(sql, tokens);
    const known = new Map<string, string>();
    const scope: Parents = (key) => ctes.get(key) ?? parents(key);
    const ctes = new Map<string, NonNullable<ReturnType<Parents>>>();
    return { sql, tokens, parts, known, scope, ctes };
  });
  const [old, cur] = sides;
  if (old === undefined || cur === undefined) return UNCHANGED;
  const split = old.parts !== null && cur.parts !== null;
  const bodies = sides.map(({ parts }) => new Map(split ? parts?.ctes.map(({ name, sql }) => [name, sql]) : []));
  const [oldBodies, newBodies] = bodies;
  for (const [at, { scope, ctes }] of sides.entries()) {
    for (const [name, sql] of bodies[at] ?? []) {
      const key = JSON.stringify([name]);
      // The CTE of an ephemeral model is that model.
      if (name.startsWith('__dbt__cte__') && scope(key) !== undefined) continue;
      const columns = (await dialect.columns(sql, scope)).columns.map(({ column }) => column);
      const listed = columns.filter((column) => column !== '*');
      const completeness = listed.length === columns.length ? 'complete' : 'unknown';
      ctes.set(key, { node: `${path}#${name}`, columns: listed, completeness });
    }
  }
  for (const name of new Set([...(oldBodies ?? new Map()).keys(), ...(newBodies ?? new Map()).keys()])) {
    const [first, second] = [oldBodies?.get(name), newBodies?.get(name)];
    const word = first === undefined ? 'added' : 'removed';
    if (first === undefined || second === undefined)
      changes.set(`${path}#${name}`, { columns: [], rows: [rowsOf(`CTE ${name} ${word}`, OWN)] });
  }
  for (const [name, sql] of newBodies ?? []) {
    const [node, first] = [`${path}#${name}`, oldBodies?.get(name)];
    if (first === undefined || !cur.ctes.has(JSON.stringify([name]))) continue;
    const versions = [
      { sql: first, parents: old.scope },
      { sql, parents: cur.scope },
    ] as const;
    changes.set(node, await compareQueries(dialect, versions, find, others, node));
  }
  const [one, two] = await Promise.all(
    [old, cur].map(async ({ sql, tokens, parts, scope }) => {
      const own = split ? (parts?.sql ?? sql) : sql;
      const ownTokens = split ? dialect.tokens(own) : tokens;
      const lineage = await dialect.columns(own, scope);
      return { sql: own, tokens: ownTokens, parts, lineage, reads: relationsIn(ownTokens ?? [], scope, others) };
    }),
  );
  if (one === undefined || two === undefined) return UNCHANGED;
  const whole = [one, two].some(({ parts, lineage }) => parts === null || !fits(parts, lineage));
  const units = [one, two].map((unit): Unit => (whole ? { ...unit, parts: null } : unit));
  return new Comparison(dialect, units[0] ?? one, units[1] ?? two, find).result();
}

function rowsOf(reason: string, causes: ReadonlySet<string>, kind: RowChange['kind'] = 'rows'): RowChange {
  return { kind, reason, causes };
}

/** Relations whose names occur, also in texts, as for `dictGet`, and how often. */
export function relationsIn(
  tokens: readonly SqlToken[],
  parents: Parents,
  others: readonly string[],
): Map<string, number> {
  const found = new Map(others.map((node) => [node, 2]));
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at];
    if (token === undefined || token.kind === 'sign') continue;
    const paths = [token.kind === 'text' ? token.value.replace(/^'(.*)'$/, '$1').split('.') : [token.value]];
    for (let next = at + 1; isSign(tokens[next], '.') && paths.length < 3; next += 2)
      paths.push([...(paths.at(-1) ?? []), tokens[next + 1]?.value ?? '']);
    for (const path of paths.reverse()) {
      const parent = parents(JSON.stringify(path));
      if (parent === undefined) continue;
      if (token.kind !== 'text') at += path.length * 2 - 2;
      // A name before a point qualifies a column.
      const qualifies = isSign(tokens[at + 1], '.');
      found.set(parent.node, (found.get(parent.node) ?? 0) + (qualifies ? 0 : 1));
      break;
    }
  }
  return found;
}

class Comparison {
  readonly #dialect: LineageDialect;
  readonly #old: Unit;
  readonly #now: Unit;
  readonly #changeOf: (node: string) => RelationChange | undefined;
  readonly #reads: readonly string[];
  /** Columns that the relations renamed: names after and before. */
  readonly #renames = new Map<string, string>();
  readonly #rows: RowChange[] = [];
  readonly #limited: boolean;
  /** Whether the queries have no subqueries. */
  readonly #single: boolean;
  /** Whether the queries differ and cannot be compared by parts. */
  #isOther = false;

  constructor(dialect: LineageDialect, old: Unit, now: Unit, changeOf: (node: string) => RelationChange | undefined) {
    this.#dialect = dialect;
    this.#old = old;
    this.#now = now;
    this.#changeOf = changeOf;
    this.#reads = [...new Set([...old.reads.keys(), ...now.reads.keys()])];
    for (const { kind, column, now: name } of this.#reads.flatMap((node) => changeOf(node)?.columns ?? []))
      if (kind === 'renamed' && name !== undefined) this.#renames.set(name, column);
    this.#limited = [old, now].some(isLimited);
    this.#single = [old, now].every(({ tokens }) => tokens?.filter(isSelect).length === 1);
  }

  result(): RelationChange {
    const [before, after] = [this.#outputs(this.#old), this.#outputs(this.#now)];
    this.#compareRows();
    this.#addRowsOfParents();
    if (before === null || after === null) {
      const [own, other] = [this.#old, this.#now].map(({ sql, tokens }) => (tokens === null ? sql : textOf(tokens)));
      const causes = new Set([...(own === other ? [] : OWN), ...this.#allCauses()]);
      const reason = this.#now.lineage.columns.find((each) => each.reason !== null)?.reason ?? 'columns are not known';
      if (causes.size > 0) this.#rows.push(rowsOf(reason, causes));
      return { columns: [], rows: mergedRows(this.#rows) };
    }
    const columns: ColumnChange[] = [];
    const changed: QueryItem[] = [];
    const kept: Output[] = [];
    const changes = (...outputs: readonly Output[]): void =>
      void changed.push(...outputs.flatMap(({ items }) => items));
    const gone: Output[] = [];
    for (const output of before.values()) {
      const { column } = output.output;
      const other = after.get(column);
      if (other === undefined) {
        gone.push(output);
        continue;
      }
      const own = output.items.length > 0 && !sameOutput(output, other);
      const causes = new Set([...(own ? OWN : []), ...this.#hits(output.output, other.output)]);
      if (causes.size === 0 && output.flow !== other.flow) for (const cause of this.#allCauses(true)) causes.add(cause);
      if (own) changes(output, other);
      else kept.push(output, other);
      // Changed rows include all values.
      if (causes.size > 0 && !this.#isOther) columns.push({ column, kind: 'values', causes });
    }
    const added = [...after.values()].filter(({ output }) => !before.has(output.column));
    for (const each of gone) {
      const { column } = each.output;
      const at = added.findIndex((other) => sameOutput(each, other) && each.flow === other.flow);
      const [renamed] = at < 0 ? [] : added.splice(at, 1);
      const own = renamed === undefined ? this.#ofStar(each, 'removed') : this.#ofStar(each, 'renamed');
      if (own === OWN) changes(each, ...(renamed === undefined ? [] : [renamed]));
      columns.push(
        renamed === undefined
          ? { column, kind: 'removed', causes: own }
          : { column, kind: 'renamed', now: renamed.output.column, causes: own },
      );
      const hits = renamed === undefined ? new Set<string>() : this.#hits(each.output, renamed.output);
      if (renamed !== undefined && hits.size > 0) columns.push({ column, kind: 'values', causes: hits });
    }
    for (const each of added) {
      const causes = this.#ofStar(each, 'added');
      if (causes === OWN) changes(each);
      columns.push({ column: each.output.column, kind: 'added', causes });
    }
    if (columns.length > 0) this.#rowsOfItems(columns, changed, kept);
    columns.push(...this.#moved([...before.keys()], [...after.keys()], new Set(columns.map(({ column }) => column))));
    return { columns, rows: mergedRows(this.#rows) };
  }

  /** The output columns with their expressions; null if their names are not known. */
  #outputs(unit: Unit): Map<string, Output> | null {
    const { sql, tokens, parts, lineage } = unit;
    const { columns } = lineage;
    const itemsOf = parts === null ? () => [] : itemsByColumn(parts.items, columns.length);
    const found = new Map<string, Output>();
    columns.forEach((output, at) => {
      const items = itemsOf(at);
      const value = parts === null ? tokens : items.flatMap((each) => each.value);
      const plain = this.#single && items.every((item) => item.star || isPath(item.value));
      const column = plain && parts !== null ? this.#passedOn(unit, output) : null;
      const written = value === null ? sql : textOf(value);
      const former = column ?? (value === null ? sql : textOf(value, this.#renames));
      const flow = this.#flowOf(output.sources, output.uses);
      found.set(output.column, { output, items, texts: [column ?? written, former], written, flow });
    });
    return found.size < columns.length || found.has('*') ? null : found;
  }

  /** The column that is passed on, if it is certain from which relation of FROM. */
  #passedOn({ reads }: Unit, { reason, sources }: OutputColumn): string | null {
    const [source] = sources;
    if (source === undefined || sources.length > 1 || reason !== null || reads.get(source.node) !== 1) return null;
    if (source.kind !== 'identical' && source.kind !== 'renamed') return null;
    return `${PASSED_ON}${this.#former(source)}`;
  }

  #former({ node, column }: SourceColumn): string {
    const renamed = this.#changeOf(node)?.columns.find(({ kind, now }) => kind === 'renamed' && now === column);
    return JSON.stringify([node, renamed?.column ?? column]);
  }

  #flowOf(sources: OutputColumn['sources'], uses: readonly Use[]): string {
    const texts = [
      ...sources.map((each) => `${this.#former(each)} ${each.kind.replace('renamed', 'identical')}`),
      ...uses.map((each) => `${this.#former(each)} ${each.role}`),
    ];
    return [...new Set(texts)].sort().join('\n');
  }

  /** Uses without the order of the result. */
  #deciding(uses: readonly Use[]): readonly Use[] {
    return this.#limited ? uses : uses.filter(({ role }) => role !== 'order');
  }

  /** Compares everything but the select list. */
  #compareRows(): void {
    const [old, now] = [this.#old, this.#now];
    const [one, two] = [old, now].map(({ lineage }) => this.#flowOf([], this.#deciding(lineage.uses)));
    const sameUses = one === two;
    const own = this.#changedClause(sameUses);
    this.#isOther = own === 'query';
    if (own !== null) this.#rows.push(rowsOf(own, OWN, own === 'order by' && !this.#limited ? 'order' : 'rows'));
    if (own !== null && (this.#limited || own !== 'order by')) return;
    const uses = this.#deciding([...old.lineage.uses, ...now.lineage.uses]);
    const unknown = now.lineage.columns.every(({ reason }) => reason !== null);
    const causes = this.#hitsOf(uses, keysOf(now.lineage.uses), unknown);
    if (causes.size === 0 && !sameUses) this.#rows.push(rowsOf('other columns decide its rows', this.#allCauses(true)));
    else if (causes.size > 0) this.#rows.push(rowsOf('columns that decide its rows change', causes));
  }

  /** The clause that differs; null if none does. */
  #changedClause(sameUses: boolean): string | null {
    const [old, now] = [this.#old, this.#now];
    if (old.sql === now.sql) return null;
    if (old.tokens === null || now.tokens === null) return 'query';
    const same = (one: string, plain: string, former: string): boolean => one === plain || (sameUses && one === former);
    if (old.parts === null || now.parts === null)
      return same(textOf(old.tokens), textOf(now.tokens), textOf(now.tokens, this.#renames)) ? null : 'query';
    if (textOf(old.parts.head) !== textOf(now.parts.head))
      return old.parts.distinct || now.parts.distinct ? 'distinct' : 'with';
    const [before, after] = [clauseTexts(old.parts), clauseTexts(now.parts)];
    const former = clauseTexts(now.parts, this.#renames);
    const changed = [...new Set([...before.keys(), ...after.keys()])].filter(
      (name) => !same(before.get(name) ?? '', after.get(name) ?? '', former.get(name) ?? ''),
    );
    const clause = changed.find((name) => name !== 'order' || this.#limited) ?? changed[0];
    if (clause === undefined) return null;
    return clause === 'group' || clause === 'order' ? `${clause} by` : clause;
  }

  #addRowsOfParents(): void {
    for (const node of this.#reads) {
      for (const { kind, reason, causes } of this.#changeOf(node)?.rows ?? []) {
        const sensitive = kind === 'order' && [this.#old, this.#now].some((unit) => this.#dependsOnOrder(unit));
        this.#rows.push(rowsOf(reason, causes, sensitive ? 'rows' : kind));
      }
    }
  }

  #dependsOnOrder({ tokens, lineage }: Unit): boolean {
    if (this.#limited || tokens === null) return true;
    const words = tokens.filter((token) => ORDERED.test(token.value) && token.kind === 'word');
    const selects = tokens.filter((token) => isWord(token, 'select'));
    const kinds = lineage.columns.flatMap(({ sources }) => sources.map(({ kind }) => kind));
    return words.length > 0 || selects.length > 1 || kinds.includes('aggregate') || kinds.includes('window');
  }

  /** Causes of the changes of the columns that an output column comes from. */
  #hits(old: OutputColumn, now: OutputColumn): ReadonlySet<string> {
    if (old.reason !== null || now.reason !== null) {
      const read = this.#hitsOf([...old.sources, ...old.uses], keysOf([]), true);
      return read.size > 0 ? read : this.#allCauses();
    }
    return this.#hitsOf(
      [...old.sources, ...now.sources, ...old.uses, ...now.uses],
      keysOf([...now.sources, ...now.uses]),
      false,
    );
  }

  /** @param isRead keys of the columns that the new query reads @param unknown whether there may be more */
  #hitsOf(columns: readonly SourceColumn[], isRead: ReadonlySet<string>, unknown: boolean): Set<string> {
    const causes = new Set<string>();
    for (const each of columns) {
      for (const change of this.#changeOf(each.node)?.columns ?? []) {
        if (change.column !== each.column || change.kind === 'added' || change.kind === 'order') continue;
        const lost = change.kind === 'removed' || change.kind === 'renamed';
        if (lost && !unknown && !isRead.has(keyOf(each))) continue;
        for (const cause of change.causes) causes.add(cause);
      }
    }
    return causes;
  }

  #allCauses(orOwn = false): ReadonlySet<string> {
    const changes = this.#reads.flatMap((node) => [
      ...(this.#changeOf(node)?.columns ?? []),
      ...(this.#changeOf(node)?.rows ?? []),
    ]);
    const causes = new Set(changes.flatMap((each) => [...each.causes]));
    return causes.size === 0 && orOwn ? OWN : causes;
  }

  /** The causes of a column that comes, goes or is renamed with one of a relation. */
  #ofStar({ items, output }: Output, kind: ChangeKind): ReadonlySet<string> {
    if (items.some(({ star }) => !star)) return OWN;
    const changes = output.sources.flatMap(({ node, column }) =>
      (this.#changeOf(node)?.columns ?? []).filter((each) => each.kind === kind && each.column === column),
    );
    return changes.length === 0 ? OWN : new Set(changes.flatMap(({ causes }) => [...causes]));
  }

  /** Items that decide rows, or other columns. */
  #rowsOfItems(columns: ColumnChange[], changed: readonly QueryItem[], kept: readonly Output[]): void {
    const [old, now] = [this.#old.parts, this.#now.parts];
    if (old === null || now === null) return;
    const decides = (reason: string, causes = OWN): void => void this.#rows.push(rowsOf(reason, causes));
    const all = [old, now];
    if (all.some(({ distinct }) => distinct) || all.some((each) => isWord(each.clauses.get('group')?.[2], 'all')))
      decides('columns decide its rows', new Set(columns.flatMap(({ causes }) => [...causes])));
    if (changed.length === 0) return;
    const many = changed.flatMap(({ functions }) => functions).find((name) => !this.#dialect.returnsOneValue(name));
    if (many !== undefined) decides(`${many} may return several rows`);
    const everywhere = this.#dialect.aliases === 'everywhere';
    const names = new Set(changed.flatMap((item) => item.names));
    for (let size = -1; everywhere && size < names.size; ) {
      size = names.size;
      for (const { items, output, texts } of kept) {
        if (items.every(({ star }) => star) && texts[0].startsWith(PASSED_ON)) continue;
        const value = items.flatMap((item) => item.value);
        if (!value.some((token) => token.kind !== 'sign' && names.has(token.value))) continue;
        for (const name of items.flatMap((item) => item.names)) names.add(name);
        if (columns.every(({ column }) => column !== output.column))
          columns.push({ column: output.column, kind: 'values', causes: OWN });
      }
    }
    for (const { clauses, head } of all) {
      const visible = everywhere
        ? [...head, ...[...clauses.values()].flat()]
        : ['group', this.#limited ? 'order' : ''].flatMap((name) => clauses.get(name) ?? []);
      const used = visible.find(({ kind, value }) => (kind === 'word' || kind === 'name') && names.has(value));
      if (used !== undefined) decides(`${used.value} decides its rows`);
    }
    const grouped = all.every(({ clauses }) => isWord(clauses.get('group')?.[1], 'by'));
    const mayAggregate = changed.some(({ functions, value }) => functions.length > 0 || value.some(isSelect));
    if (!grouped && mayAggregate && !kept.some(showsRows)) decides('its rows may be aggregated');
  }

  /** Kept columns whose order among each other changes. */
  #moved(before: readonly string[], after: readonly string[], changed: ReadonlySet<string>): ColumnChange[] {
    const [one, two] = [new Set(before), new Set(after)];
    const [old, now] = [before.filter((name) => two.has(name)), after.filter((name) => one.has(name))];
    const causes = this.#now.parts?.items.some(({ star }) => star) === true ? this.#allCauses(true) : OWN;
    return old.flatMap((column, at) =>
      now[at] === column || changed.has(column) ? [] : [{ column, kind: 'order' as const, causes }],
    );
  }
}

const PASSED_ON = 'column ';

/** Words of functions that depend on the order of rows. */
const ORDERED = /^(?:over|array|lateral|neighbor|runningDifference\w*|runningAccumulate|rowNumberIn\w+|blockNumber)$/i;

function mergedRows(rows: readonly RowChange[]): RowChange[] {
  const merged = new Map<string, RowChange>();
  for (const { kind, reason, causes } of rows) {
    const key = `${kind} ${causes.has('')}`;
    const known = merged.get(key);
    merged.set(key, rowsOf(known?.reason ?? reason, new Set([...(known?.causes ?? []), ...causes]), kind));
  }
  return [...merged.values()];
}

/** Whether the order of rows may decide rows or values. */
function isLimited({ tokens, parts }: Unit): boolean {
  if (parts === null || tokens === null) return true;
  const orders = tokens.filter((token) => isWord(token, 'order')).length;
  const limits = tokens.some((token) => isWord(token, 'limit', 'offset', 'fetch', 'fill', 'interpolate'));
  return parts.distinct || limits || orders > (parts.clauses.has('order') ? 1 : 0);
}

const isSelect = (token: SqlToken): boolean => isWord(token, 'select');

/** Whether the column is certain to have a value per row, or to be an aggregate. */
function showsRows({ items, output }: Output): boolean {
  const value = items.flatMap((item) => item.value);
  if (/^count \( \*? ?\)$/i.test(textOf(value))) return true;
  if (value.some((token) => isWord(token, 'select', 'over'))) return false;
  return output.sources.some(({ kind }) => kind !== 'window');
}

/** The items from which each column comes. All items from the first `*` to the last share their columns. */
function itemsByColumn(items: readonly QueryItem[], columns: number): (at: number) => readonly QueryItem[] {
  const first = items.findIndex(({ star }) => star);
  if (first < 0) return (at) => items.slice(at, at + 1);
  const tail = items.length - 1 - items.findLastIndex(({ star }) => star);
  const middle = items.slice(first, items.length - tail);
  return (at) => {
    if (at < first) return items.slice(at, at + 1);
    const index = items.length - columns + at;
    return at >= columns - tail ? items.slice(index, index + 1) : middle;
  };
}

/** Whether the columns can be those of the items. */
function fits({ items }: QueryParts, { columns }: QueryLineage): boolean {
  const stars = items.filter(({ star }) => star).length;
  return stars === 0 ? items.length === columns.length : items.length - stars <= columns.length;
}

function sameOutput(old: Output, now: Output): boolean {
  const [text] = old.texts;
  return now.written === old.written || now.texts[0] === text || (now.texts[1] === text && old.flow === now.flow);
}

function keyOf({ node, column }: SourceColumn): string {
  return JSON.stringify([node, column]);
}

function keysOf(columns: readonly SourceColumn[]): ReadonlySet<string> {
  return new Set(columns.map(keyOf));
}
