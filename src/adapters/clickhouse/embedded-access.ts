// Whether the caller allows SQL on the embedded ClickHouse to reach files, programs and other servers.

/** Read only from the shell: nothing in a project can set it, including `.env`. */
export const ALLOW_VARIABLE = 'TSDBT_ALLOW_EXTERNAL_ACCESS';

/** The keeper's argument for it. */
export const OPEN = 'open';

export function allowsExternalAccess(): boolean {
  return /^(?:1|true|yes|on|t|y)$/i.test(process.env[ALLOW_VARIABLE] ?? '');
}
