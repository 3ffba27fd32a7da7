// A ClickHouse relation as one side of a comparison: its columns and its rows. Each query sees the rows as of its own
// start.
import type { Session } from '../../adapters/adapter.ts';
import { quoteIdentifier, quoteText } from '../../adapters/clickhouse/literal.ts';
import type { Relation } from '../../adapters/relation.ts';
import { errorOf } from '../../error-table.ts';
import { TsdbtError } from '../../errors.ts';
import type { DiffColumn, DiffSide, ValueForm } from '../dialect.ts';
import { formOf } from './forms.ts';

/** Longer texts are compared by their hash. */
const LONGEST = 100;
/**
 * Unmatched rows of a join have nulls, a join that exceeds memory spills to disk, and an alias does not hide a column
 * of that name.
 */
const SETTINGS =
  " SETTINGS join_use_nulls = 1, join_algorithm = 'grace_hash,full_sorting_merge,hash', " +
  'prefer_column_name_to_alias = 1';
/** Columns that `select *` omits. */
const COMPUTED = "('ALIAS', 'EPHEMERAL', 'MATERIALIZED')";

export class ClickHouseSide implements DiffSide {
  readonly quickHash = 'sipHash64';
  readonly relation: string;
  readonly #session: Session;
  readonly #place: Relation;

  constructor(session: Session, relation: Relation) {
    this.#session = session;
    this.#place = relation;
    this.relation = relation.render();
  }

  async open(): Promise<void> {
    await this.#session.begin();
  }

  async columns(): Promise<DiffColumn[]> {
    const { schema, identifier } = this.#place;
    const { table } = await this.#session.execute(
      `SELECT concat('c ', name), type FROM system.columns WHERE database = ${quoteText(schema ?? '')} AND table = ` +
        `${quoteText(identifier ?? '')} AND default_kind NOT IN ${COMPUTED} ORDER BY position`,
      { fetch: true },
    );
    if (table.rows.length === 0) throw errorOf('diffRelationMissing', { relation: this.relation });
    return table.rows.map((row) => ({ name: row.textAt(0).slice(2), type: row.textAt(1) }));
  }

  lines<T>(sql: string, take: (chunks: AsyncIterable<Uint8Array>) => Promise<T>): Promise<T> {
    if (this.#session.copyOut === undefined) throw new TsdbtError('internal', 'this session copies nothing');
    return this.#session.copyOut(`${sql}${SETTINGS} FORMAT TabSeparated`, take);
  }

  formOf(type: string): ValueForm | null {
    return formOf(type);
  }

  quote(name: string): string {
    return quoteIdentifier(name);
  }

  sorted(text: string): string {
    return text;
  }

  shortened(text: string): string {
    return (
      `if(lengthUTF8(${text}) > ${LONGEST}, concat(substringUTF8(${text}, 1, 40), '… (', ` +
      `toString(lengthUTF8(${text})), ' characters, md5 ', lower(hex(MD5(${text}))), ')'), ${text})`
    );
  }

  measured(text: string): string {
    return `concat(toString(length(${text})), ':', ${text})`;
  }

  hashed(texts: readonly string[], hash: string): string {
    const joined = `concat(${texts.map((text) => `ifNull(${text}, '~')`).join(", '|', ")}, '')`;
    return hash === this.quickHash
      ? `sipHash64(${joined})`
      : `reinterpretAsUInt64(reverse(unhex(concat('0', substring(hex(MD5(${joined})), 1, 15)))))`;
  }

  bucket(hash: string): string {
    return `bitAnd(${hash}, 4095)`;
  }

  sum(hash: string): string {
    return `toString(sum(toInt128(${hash})))`;
  }

  distinct(a: string, b: string): string {
    return `(isNull(${a}) != isNull(${b}) OR ifNull(${a} != ${b}, 0))`;
  }

  countIf(condition: string): string {
    return `countIf(${condition})`;
  }
}
