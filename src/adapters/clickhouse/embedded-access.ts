// Whether the caller lets SQL on the embedded ClickHouse reach files, programs and other servers.

/** Read from the shell alone: nothing in a project sets it, `.env` neither. */
export const ALLOW_VARIABLE = 'TSDBT_ALLOW_EXTERNAL_ACCESS';

/** The keeper's argument that says so. */
export const OPEN = 'open';

export function allowsExternalAccess(): boolean {
  return /^(?:1|true|yes|on|t|y)$/i.test(process.env[ALLOW_VARIABLE] ?? '');
}
