// A ClickHouse relation as the source of publications: its columns, a mark of its rows, and the rows as text or in the
// native format. Each query sees a different moment, so the rows are hashed while they are sent.
import type { Session } from '../../adapters/adapter.ts';
import { quoteIdentifier, quoteText } from '../../adapters/clickhouse/literal.ts';
import { TEXT_SETTINGS } from '../../adapters/clickhouse/row-settings.ts';
import type { Relation } from '../../adapters/relation.ts';
import { errorOf } from '../../error-table.ts';
import { TsdbtError } from '../../errors.ts';
import type { PartitionKey } from '../../settings/partition-key.ts';
import type {
  Partition,
  PartitionChoice,
  PublishSource,
  ReadColumn,
  Received,
  RowFormat,
  SourceColumn,
  Summary,
  ValueCheck,
} from '../publication-target.ts';
import { inPartitions, partitionText } from './partition-sql.ts';
import { hashCell, RowHashes, rowHash, sumOfMarks } from './row-hashes.ts';

/** Rows are sorted by partition, on disk above this number of bytes. */
const SORTING = `max_bytes_before_external_sort = ${256 * 1024 ** 2}`;
const FORMATS: Readonly<Record<RowFormat, string>> = { text: 'TabSeparated', native: 'Native' };
/** Columns that `select *` does not return. */
const COMPUTED = "('ALIAS', 'EPHEMERAL', 'MATERIALIZED')";

export class ClickHouseSource implements PublishSource {
  readonly dialect = 'clickhouse';
  readonly #session: Session;
  readonly #relation: Relation;
  readonly #name: string;
  /** Hashes of the rows that were sent as text. */
  #sent = new RowHashes();
  /** Mark of all rows at the last summary. */
  #summed = '';

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

  async now(): Promise<string> {
    const [row] = await this.#rows("SELECT concat(formatDateTime(now('UTC'), '%Y-%m-%dT%H:%i:%S'), '.000Z')");
    return String(row?.[0]);
  }

  /** The hashes of the rows are added, so their order does not matter. */
  async summary(checks: readonly ValueCheck[], columns: readonly ReadColumn[]): Promise<Summary> {
    const found = checks.flatMap(({ column, condition }) => [
      `countIf(${condition})`,
      `concat('e ', anyIf(toString(t.${quoteIdentifier(column)}), ${condition}))`,
    ]);
    const [row = []] = await this.#rows(
      `SELECT ${['count()', `toString(sum(${rowHash(columns)}))`, ...found].join(', ')} FROM ${this.#name} t`,
    );
    const rows = Number(row[0] ?? 0);
    this.#summed = `${rows}:${String(row[1])}`;
    return {
      rows,
      mark: this.#summed,
      found: checks.flatMap((check, index) => {
        const count = Number(row[2 + index * 2] ?? 0);
        const example = String(row[3 + index * 2] ?? 'e null').slice(2);
        return count === 0 ? [] : [{ check, count, example }];
      }),
    };
  }

  confirm({ summary, partitions, mark }: Received): void {
    const wanted = partitions === null ? summary.mark : sumOfMarks(partitions);
    if ((mark ?? this.#sent.mark) !== wanted) this.#refuseChanged();
  }

  async partitions(parts: readonly PartitionKey[], columns: readonly ReadColumn[]): Promise<Partition[]> {
    const keys = parts.map((part, index) => `concat('v ', ${partitionText(part)}) AS k${index}`);
    const names = parts.map((_, index) => `k${index}`).join(', ');
    const rows = await this.#rows(
      `SELECT ${keys.join(', ')}, concat(toString(count()), ':', toString(sum(${rowHash(columns)}))) FROM ` +
        `${this.#name} t GROUP BY ${names} ORDER BY ${names}`,
    );
    const partitions = rows.map((cells) => ({
      values: cells.slice(0, -1).map((value) => (value === null ? null : String(value).slice(2))),
      mark: String(cells.at(-1)),
      rows: Number.parseInt(String(cells.at(-1)), 10),
    }));
    if (sumOfMarks(partitions) !== this.#summed) this.#refuseChanged();
    return partitions;
  }

  rows<T>(
    columns: readonly ReadColumn[],
    format: RowFormat,
    only: PartitionChoice | null,
    take: (rows: AsyncIterable<Uint8Array>) => Promise<T>,
  ): Promise<T> {
    const session = this.#session;
    if (session.copyOut === undefined) throw new TsdbtError('internal', 'this session copies nothing');
    const list = columns.map(({ expression, name }) => `${expression} AS ${quoteIdentifier(name)}`).join(', ');
    const hash = format === 'native' ? '' : `${hashCell(columns)}, `;
    const sent = new RowHashes();
    if (format !== 'native') this.#sent = sent;
    const taken = format === 'native' ? take : (rows: AsyncIterable<Uint8Array>) => take(sent.takeOff(rows));
    const where = only === null || only.all === true ? '' : ` WHERE ${inPartitions(only)}`;
    // An alias must not replace the column in another expression.
    const settings = ' SETTINGS prefer_column_name_to_alias = 1';
    const end = ` FORMAT ${FORMATS[format]}`;
    if (only?.grouped !== true)
      return session.copyOut(`SELECT ${hash}${list} FROM ${this.#name} t${where}${settings}${end}`, taken);
    const texts = only.parts.map((part) => partitionText(part)).join(', ');
    const keys = `toJSONString(CAST([${texts}], 'Array(Nullable(String))'))`;
    return session.copyOut(
      `SELECT ${hash}${keys}, ${list} FROM ${this.#name} t${where} ORDER BY ${keys}${settings}, ${SORTING}${end}`,
      taken,
    );
  }

  quote(name: string): string {
    return quoteIdentifier(name);
  }

  #refuseChanged(): never {
    throw errorOf('notPublished', { place: this.#name, why: 'its rows changed while they were read; run it again' });
  }

  async #rows(sql: string): Promise<unknown[][]> {
    const { table } = await this.#session.execute(sql, { fetch: true, internal: true, settings: TEXT_SETTINGS });
    return table.rows.map((row) => [...row.values]);
  }
}
