// What a comparison needs from a database: the SQL of its dialect, and a relation read in one session. Types only.

/** A column of a compared relation, with its database's type name. */
export interface DiffColumn {
  readonly name: string;
  readonly type: string;
}

/** How values of a type are compared. */
export interface ValueForm {
  /** Values of one family are equal if their texts are. */
  readonly family: string;
  /** Whole numbers are sorted as numbers, not by their texts. */
  readonly whole: boolean;
  /** Expressions that are equal in the database if two values of one kind are; null: their texts are compared. */
  readonly native: { readonly kind: string; readonly value: (value: string) => string } | null;
  /** SQL for the value as a text that no setting changes; the same in every dialect. */
  readonly text: (value: string) => string;
}

/** The SQL of a database. */
export interface DiffDialect {
  /** Null: values of this type have no canonical text. */
  formOf(type: string): ValueForm | null;
  quote(name: string): string;
  /** A text as a sort key: its bytes. */
  sorted(text: string): string;
  /** A long text as its beginning, its length and its hash; a short one unchanged. */
  shortened(text: string): string;
  /** The dialect's own hash, faster than md5. */
  readonly quickHash: string;
  /** A text prefixed by its length, so that lists of such texts joined by `|` are unambiguous. */
  measured(text: string): string;
  /**
   * The hash of texts as a whole number; null is a value like others.
   * @param hash `md5`, the same in every dialect, or the dialect's own
   */
  hashed(texts: readonly string[], hash: string): string;
  /** The last 12 bits of a hash. */
  bucket(hash: string): string;
  /** The sum of hashes, as a text. */
  sum(hash: string): string;
  /** Whether two expressions differ; null is a value like others. */
  distinct(a: string, b: string): string;
  countIf(condition: string): string;
}

/** A compared relation, in a session of its database. */
export interface DiffSide extends DiffDialect {
  /** In SQL. */
  readonly relation: string;
  /** Makes later reads see the relation, and those of `others`, as of one moment, if the database can. */
  open(others?: readonly DiffSide[]): Promise<void>;
  /** @throws `runtime` error if the relation does not exist */
  columns(): Promise<DiffColumn[]>;
  /**
   * Streams the rows of a query as lines: cells separated by tabs, `\N` for null, special characters escaped by `\`.
   */
  lines<T>(sql: string, take: (chunks: AsyncIterable<Uint8Array>) => Promise<T>): Promise<T>;
}
