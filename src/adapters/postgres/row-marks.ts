// Hashes of rows as SQL, added up to marks of a whole relation. The row has the alias `t`.

/** A row as text, even if a column has the name of the alias. */
export const ROW_HASH = 'hashtextextended(row(t.*)::text, 0)::numeric';
/**
 * Transaction ids are hashed, because their plain sum can stay the same when rows change. Partitions may be swapped.
 */
export const VERSION_HASH = 'hashint8extended(t.xmin::text::bigint, t.tableoid::bigint)::numeric';
