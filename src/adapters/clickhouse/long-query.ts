// Settings of a statement that may be longer than the server takes by default.

/** As a comment with the marks of many partitions, or a condition that names them. */
export const LONG_QUERY = { max_query_size: String(2 ** 30) };
