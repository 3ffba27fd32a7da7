// A Postgres relation as one side of a comparison: a snapshot, its columns, and its rows by COPY.
import type { Session } from '../../adapters/adapter.ts';
import { quoteIdentifier } from '../../adapters/postgres/literal.ts';
import type { Relation } from '../../adapters/relation.ts';
import { errorOf } from '../../error-table.ts';
import { TsdbtError } from '../../errors.ts';
import { PostgresSource } from '../../publish/postgres/source.ts';
import type { DiffColumn, DiffSide, ValueForm } from '../dialect.ts';
import { formOf } from './forms.ts';

/** The relation or its schema does not exist. */
const MISSING: ReadonlySet<string> = new Set(['42P01', '3F000']);
/** Longer texts are compared by their hash. */
const LONGEST = 100;

export class PostgresSide implements DiffSide {
  readonly quickHash = 'hashtextextended';
  readonly relation: string;
  readonly #session: Session;
  readonly #source: PostgresSource;

  constructor(session: Session, relation: Relation) {
    this.#session = session;
    this.#source = new PostgresSource(session, relation);
    this.relation = relation.render();
  }

  /** Locks every relation before the snapshot is taken: a relation swapped later would appear empty in it. */
  async open(others: readonly DiffSide[] = []): Promise<void> {
    await this.#known(() => this.#source.open(others.map(({ relation }) => relation)));
  }

  columns(): Promise<DiffColumn[]> {
    return this.#known(() => this.#source.columns());
  }

  lines<T>(sql: string, take: (chunks: AsyncIterable<Uint8Array>) => Promise<T>): Promise<T> {
    if (this.#session.copyOut === undefined) throw new TsdbtError('internal', 'this session copies nothing');
    return this.#session.copyOut(`copy (${sql}) to stdout`, take);
  }

  formOf(type: string): ValueForm | null {
    return formOf(type);
  }

  quote(name: string): string {
    return quoteIdentifier(name);
  }

  sorted(text: string): string {
    return `${text} collate "C"`;
  }

  shortened(text: string): string {
    return (
      `case when length(${text}) > ${LONGEST} then left(${text}, 40) || '… (' || length(${text}) || ` +
      `' characters, md5 ' || md5(${text}) || ')' else ${text} end`
    );
  }

  measured(text: string): string {
    return `octet_length(${text}) || ':' || ${text}`;
  }

  hashed(texts: readonly string[], hash: string): string {
    const joined = texts.map((text) => `coalesce(${text}, '~')`).join(" || '|' || ");
    return hash === this.quickHash
      ? `hashtextextended((${joined}) collate "C", 0)`
      : `('x0' || left(md5(${joined}), 15))::bit(64)::bigint`;
  }

  bucket(hash: string): string {
    return `(${hash}) & 4095`;
  }

  sum(hash: string): string {
    return `sum(${hash})::text`;
  }

  distinct(a: string, b: string): string {
    return `${a} is distinct from ${b}`;
  }

  countIf(condition: string): string {
    return `count(*) filter (where ${condition})`;
  }

  async #known<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof TsdbtError && MISSING.has(error.details.code ?? ''))
        throw errorOf('diffRelationMissing', { relation: this.relation }, { cause: error });
      throw error;
    }
  }
}
