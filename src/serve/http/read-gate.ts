// Protects what shows rows and SQL, because other users of the machine can reach the loopback address, too. A token is
// sent as a header, as a cookie, or once in the URL, which sets the cookie.
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { type IncomingMessage, JSON_TEXT, PLAIN, send, type ServerResponse } from '../../http/server.ts';

export class ReadGate {
  readonly #tokens: readonly string[];
  readonly #cookie: string;

  /** @param tokens accepted tokens; the cookie is derived from the first one */
  constructor(tokens: readonly [string, ...string[]]) {
    this.#tokens = tokens;
    // Not the token itself, so that the cookie is valid only for this page.
    this.#cookie = createHmac('sha256', tokens[0]).update('tsdbt serve: read').digest('base64url');
  }

  /** @returns true: `request` may read. False: a response was sent */
  opens(request: IncomingMessage, response: ServerResponse, path: string, query: URLSearchParams): boolean {
    if (this.#hasCookie(request) || isBearer(request.headers.authorization, this.#tokens)) return true;
    const given = query.get('token');
    if (path === '/' && given !== null && isBearer(`Bearer ${given}`, this.#tokens)) {
      // Cookies do not distinguish ports. The location is relative, because a reverse proxy may add a path.
      const cookie = `${cookieName(request)}=${this.#cookie}; HttpOnly; SameSite=Lax`;
      send(response, 303, PLAIN, '', { location: './', 'set-cookie': cookie, 'cache-control': 'no-store' });
      return false;
    }
    const error = 'the read token is missing or wrong: open the address with ?token= that serve printed at its start';
    const [type, body] = path.startsWith('/api/') ? [JSON_TEXT, JSON.stringify({ error })] : [PLAIN, error];
    send(response, 401, type, `${body}\n`, { 'www-authenticate': 'Bearer', 'cache-control': 'no-store' });
    return false;
  }

  #hasCookie(request: IncomingMessage): boolean {
    const start = `${cookieName(request)}=`;
    const found = (request.headers.cookie ?? '').split(/; */).find((each) => each.startsWith(start));
    return found !== undefined && isSame(found.slice(start.length), this.#cookie);
  }
}

const cookieName = ({ socket }: IncomingMessage): string => `tsdbt_read_${socket.localPort ?? ''}`;

/** Whether the header contains one of the tokens. */
export function isBearer(header: string | undefined, tokens: readonly string[]): boolean {
  return tokens.filter((token) => isSame(header ?? '', `Bearer ${token}`)).length > 0;
}

/** Compares in a time that does not depend on the token, not even on its length. */
function isSame(given: string, known: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(known));
}
