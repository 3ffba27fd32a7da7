// Describes why an HTTP request got no answer. Callers add the server and the consequence.

/**
 * @param error of `fetch`, of node:http or of a client that uses them
 * @returns the innermost reason on one line; OpenSSL's reasons without addresses and file names
 */
export function requestReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return 'it does not answer in time';
  // `fetch` wraps the system's reason in `cause`; if several addresses were tried, their errors are in `errors`.
  const inner: unknown = error instanceof AggregateError ? error.errors[0] : error.cause;
  if (inner instanceof Error && (inner.message !== '' || inner instanceof AggregateError)) return requestReason(inner);
  const tls = /:SSL routines:[^:]*:([^:]+):/.exec(error.message)?.[1];
  if (tls === 'wrong version number') return 'it speaks no TLS there: is it http, or another port?';
  return tls === undefined ? error.message.trim() : `TLS: ${tls}`;
}
