// Settings of a statement that may be longer than the server's default limit.

/** For example a comment with the marks of many partitions, or a condition that lists them. */
export const LONG_QUERY = { max_query_size: String(2 ** 30) };
