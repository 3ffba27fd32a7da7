// Who may read what shows rows and SQL: other users of the machine reach the loopback address, too. A token comes as a
// header, as a cookie, or once in the address, which then gives the cookie.
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { type IncomingMessage, JSON_TEXT, PLAIN, send, type ServerResponse } from '../../http/server.ts';

export class ReadGate {
  readonly #tokens: readonly string[];
  readonly #cookie: string;

  /** @param tokens each of which opens; the first one makes the cookie */
  constructor(tokens: readonly [string, ...string[]]) {
    this.#tokens = tokens;
    // Not the token itself: the cookie opens nothing but this page.
    this.#cookie = createHmac('sha256', tokens[0]).update('tsdbt serve: read').digest('base64url');
  }

  /** @returns true: `request` may read. False: it has been answered */
  opens(request: IncomingMessage, response: ServerResponse, path: string, query: URLSearchParams): boolean {
    if (this.#hasCookie(request) || isBearer(request.headers.authorization, this.#tokens)) return true;
    const given = query.get('token');
    if (path === '/' && given !== null && isBearer(`Bearer ${given}`, this.#tokens)) {
      // Cookies know no ports. Relative, because a reverse proxy may serve the page below a path.
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

/** Is the header one of the tokens? */
export function isBearer(header: string | undefined, tokens: readonly string[]): boolean {
  return tokens.filter((token) => isSame(header ?? '', `Bearer ${token}`)).length > 0;
}

/** Compares in a time that tells nothing of the token, its length included. */
function isSame(given: string, known: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(known));
}
