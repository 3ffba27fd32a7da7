// A relation of ClickHouse as the source of publications: its columns, a mark of its rows, and the rows as text or in
// ClickHouse's own form. Each query sees the rows of its own moment: what has been read is confirmed afterwards.
import type { Session } from '../../adapters/adapter.ts';
import { quoteIdentifier, quoteText } from '../../adapters/clickhouse/literal.ts';
import type { Relation } from '../../adapters/relation.ts';
import { errorOf } from '../../error-table.ts';
import { TsdbtError } from '../../errors.ts';
import type { PartitionKey } from '../partition-key.ts';
import type {
  Partition,
  PartitionChoice,
  PlannedColumn,
  PublishSource,
  RowFormat,
  SourceColumn,
  Summary,
  ValueCheck,
} from '../receiver.ts';
import { inPartitions, partitionText } from './partitions.ts';

/** Rows in the order of their partitions: what is beyond so many bytes is sorted on disk. */
const SORTING = `max_bytes_before_external_sort = ${256 * 1024 ** 2}`;
const FORMATS: Readonly<Record<RowFormat, string>> = { text: 'TabSeparated', native: 'Native' };
/** Hours that are there twice when clocks are set back have one text: times are hashed as what they are. */
const HASHING = " SETTINGS date_time_output_format = 'unix_timestamp'";
/** Columns that `select *` does not give. */
const COMPUTED = "('ALIAS', 'EPHEMERAL', 'MATERIALIZED')";

export class ClickHouseSource implements PublishSource {
  readonly dialect = 'clickhouse';
  readonly #session: Session;
  readonly #relation: Relation;
  readonly #name: string;

  constructor(session: Session, relation: Relation) {
    this.#session = session;
    this.#relation = relation;
    this.#name = relation.render();
  }

  async open(): Promise<void> {
    await this.#session.begin();
  }

  async columns(): Promise<SourceColumn[]> {
    const { schema, identifier } = this.#relation;
    const rows = await this.#rows(
      `SELECT concat('c ', name), type FROM system.columns WHERE database = ${quoteText(schema ?? '')} AND table = ` +
        `${quoteText(identifier ?? '')} AND default_kind NOT IN ${COMPUTED} ORDER BY position`,
    );
    if (rows.length === 0)
      throw errorOf('notPublished', { place: this.#name, why: 'it is not there: it is built before it is published' });
    return rows.map(([name, type]) => ({
      name: String(name).slice(2),
      type: String(type),
      nullable: /^(?:LowCardinality\()?Nullable\(/.test(String(type)),
    }));
  }

  /** The rows' hashes are added: their order says nothing. */
  async summary(checks: readonly ValueCheck[]): Promise<Summary> {
    const found = checks.flatMap(({ column, condition }) => [
      `countIf(${condition})`,
      `concat('e ', anyIf(toString(t.${quoteIdentifier(column)}), ${condition}))`,
    ]);
    const [row = []] = await this.#rows(
      `SELECT ${['count()', `toString(${await this.#hash()})`, ...found].join(', ')} FROM ${this.#name} t${HASHING}`,
    );
    const rows = Number(row[0] ?? 0);
    return {
      rows,
      mark: `${rows}:${String(row[1])}`,
      found: checks.flatMap((check, index) => {
        const count = Number(row[2 + index * 2] ?? 0);
        const example = String(row[3 + index * 2] ?? 'e null').slice(2);
        return count === 0 ? [] : [{ check, count, example }];
      }),
    };
  }

  async confirm({ mark }: Summary): Promise<void> {
    const { mark: now } = await this.summary([]);
    if (now !== mark)
      throw errorOf('notPublished', { place: this.#name, why: 'its rows have changed while they were read' });
  }

  async partitions(parts: readonly PartitionKey[]): Promise<Partition[]> {
    const keys = parts.map((part, index) => `concat('v ', ${partitionText(part)}) AS k${index}`);
    const names = parts.map((_, index) => `k${index}`).join(', ');
    const rows = await this.#rows(
      `SELECT ${keys.join(', ')}, concat(toString(count()), ':', toString(${await this.#hash()})) FROM ${this.#name} ` +
        `t GROUP BY ${names} ORDER BY ${names}${HASHING}`,
    );
    return rows.map((cells) => ({
      values: cells.slice(0, -1).map((value) => (value === null ? null : String(value).slice(2))),
      mark: String(cells.at(-1)),
      rows: Number.parseInt(String(cells.at(-1)), 10),
    }));
  }

  rows<T>(
    columns: readonly Pick<PlannedColumn, 'name' | 'expression'>[],
    format: RowFormat,
    only: PartitionChoice | null,
    take: (rows: AsyncIterable<Uint8Array>) => Promise<T>,
  ): Promise<T> {
    const session = this.#session;
    if (session.copyOut === undefined) throw new TsdbtError('internal', 'this session copies nothing');
    const list = columns.map(({ expression, name }) => `${expression} AS ${quoteIdentifier(name)}`).join(', ');
    const where = only === null || only.all === true ? '' : ` WHERE ${inPartitions(only)}`;
    // An alias must not stand for the column in another expression.
    const settings = ' SETTINGS prefer_column_name_to_alias = 1';
    const end = ` FORMAT ${FORMATS[format]}`;
    if (only?.grouped !== true)
      return session.copyOut(`SELECT ${list} FROM ${this.#name} t${where}${settings}${end}`, take);
    const texts = only.parts.map((part) => partitionText(part)).join(', ');
    const keys = `toJSONString(CAST([${texts}], 'Array(Nullable(String))'))`;
    return session.copyOut(
      `SELECT ${keys}, ${list} FROM ${this.#name} t${where} ORDER BY ${keys}${settings}, ${SORTING}${end}`,
      take,
    );
  }

  quote(name: string): string {
    return quoteIdentifier(name);
  }

  /** Of all rows: in a tuple a null is told from a text, and states of aggregates are bytes. */
  async #hash(): Promise<string> {
    const columns = (await this.columns()).map(({ name }) => `t.${quoteIdentifier(name)}`);
    return `sum(sipHash64(formatRowNoNewline('TabSeparated', ${columns.join(', ')})))`;
  }

  async #rows(sql: string): Promise<unknown[][]> {
    const { table } = await this.#session.execute(sql, { fetch: true });
    return table.rows.map((row) => [...row.values]);
  }
}
