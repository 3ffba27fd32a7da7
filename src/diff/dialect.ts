// What a comparison needs of a database: the SQL of its dialect, and a relation read in one session. Types only.

/** A column of a compared relation, in the words of its own database. */
export interface DiffColumn {
  readonly name: string;
  readonly type: string;
}

/** How values of a type are compared. */
export interface ValueForm {
  /** Values of one family are equal when their texts are. */
  readonly family: string;
  /** Whole numbers: sorted as numbers, not by their texts. */
  readonly whole: boolean;
  /** Values of one kind are equal in the database when these expressions are; null: their texts are compared. */
  readonly native: { readonly kind: string; readonly value: (value: string) => string } | null;
  /** The value as a text that no setting changes, in SQL; the same in every dialect. */
  readonly text: (value: string) => string;
}

/** The SQL of a database. */
export interface DiffDialect {
  /** Null: values of this type have no text that tells them apart. */
  formOf(type: string): ValueForm | null;
  quote(name: string): string;
  /** A text as what rows are sorted by: its bytes. */
  sorted(text: string): string;
  /** A long text as its beginning, its length and its hash; a short one as it is. */
  shortened(text: string): string;
  /** A hash that is quicker than md5, and this dialect's own. */
  readonly quickHash: string;
  /** A text after its length: lists of such texts and of plain ones with `|` between them are told apart. */
  measured(text: string): string;
  /**
   * The hash of texts, where null is a value like others, as a whole number.
   * @param hash `md5`, the same in every dialect, or the dialect's own
   */
  hashed(texts: readonly string[], hash: string): string;
  /** The last 12 bits of a hash. */
  bucket(hash: string): string;
  /** The sum of hashes, as a text. */
  sum(hash: string): string;
  /** Do two expressions differ, where null is a value like others? */
  distinct(a: string, b: string): string;
  countIf(condition: string): string;
}

/** A relation that is compared, in a session of its database. */
export interface DiffSide extends DiffDialect {
  /** In SQL. */
  readonly relation: string;
  /** Later reads see the relation, and those of `others`, as of one moment, where the database can. */
  open(others?: readonly DiffSide[]): Promise<void>;
  /** @throws `runtime` error when there is no such relation */
  columns(): Promise<DiffColumn[]>;
  /** Sends the rows of a query as lines: cells with tabs between them, `\N` for null, `\` before what is special. */
  lines<T>(sql: string, take: (chunks: AsyncIterable<Uint8Array>) => Promise<T>): Promise<T>;
}
