// Bearer tokens: from a file, or from a token endpoint by the client credentials flow (RFC 6749, 4.4). A token is
// renewed before it expires.
import { TsdbtError } from '../errors.ts';
import { requestReason } from './request-reason.ts';
import { ask, isCertificateError, type TlsOptions } from './ask.ts';

/** The source of tokens. */
export type OauthOptions = { readonly kind: 'file'; readonly token: () => string } | TokenEndpoint;

export interface TokenEndpoint {
  readonly kind: 'endpoint';
  readonly url: string;
  readonly clientId: string;
  readonly clientSecret: () => string;
  readonly scope: string | null;
  /** True: id and secret are sent in the form, as Iceberg catalogs require. False: in the header. */
  readonly inBody: boolean;
  readonly tls: TlsOptions | null;
  /** Called with each token, to mask it. */
  readonly seen: (secret: string) => void;
  /** Names of the options, and of the one for trusted certificates, for messages. */
  readonly hint: string;
  readonly tlsHint: string;
}

/** What the token is for, and the file that configures it; used in errors. */
interface Owner {
  readonly name: string;
  readonly path: string;
}

/**
 * The share of its lifetime after which a token is renewed. Brokers end a session when its token expires, and the
 * client library re-authenticates after 0.8 of the session: the token must be new by then.
 */
const RENEW_AFTER = 0.75;

interface Token {
  readonly text: string;
  readonly renewAt: number;
  readonly expiresAt: number;
}

export class OauthTokens {
  readonly #options: OauthOptions;
  readonly #connection: Owner;
  readonly #now: () => number;
  #token: Token | null = null;
  #asking: Promise<Token> | null = null;

  constructor(options: OauthOptions, connection: Owner, now: () => number) {
    this.#options = options;
    this.#connection = connection;
    this.#now = now;
  }

  /**
   * Returns a token that has not expired.
   * @throws `connection` error while the endpoint is unavailable, and for an expired token in a file; `runtime` error
   *   if the endpoint rejects the client or returns anything else
   */
  async token(): Promise<string> {
    const options = this.#options;
    if (options.kind === 'file') return this.#ofFile(options.token());
    const known = this.#token;
    if (known !== null && this.#now() < known.renewAt) return known.text;
    this.#asking ??= this.#ask(options).finally(() => {
      this.#asking = null;
    });
    try {
      this.#token = await this.#asking;
      return this.#token.text;
    } catch (error) {
      // A token that is still valid bridges a short outage of the endpoint.
      if (known !== null && this.#now() < known.expiresAt) return known.text;
      throw error;
    }
  }

  /** Discards the token: the server rejected it. */
  forget(): void {
    this.#token = null;
  }

  #ofFile(text: string): string {
    const expires = claim(text, 'exp');
    if (expires === null || expires * 1000 > this.#now()) return text;
    throw new TsdbtError(
      'connection',
      `the token of connection '${this.#connection.name}' expired at ${new Date(expires * 1000).toISOString()}`,
      { path: this.#connection.path, hint: "Write a new one to the file of 'token_file'; it is read again." },
    );
  }

  async #ask(endpoint: TokenEndpoint): Promise<Token> {
    const { url, clientId, scope, tls, seen, hint: options, tlsHint } = endpoint;
    const fail = (kind: 'connection' | 'runtime', message: string, hint?: string, cause?: unknown): TsdbtError =>
      new TsdbtError(kind, message, { path: this.#connection.path, ...(hint === undefined ? {} : { hint }), cause });
    const began = this.#now();
    const secret = endpoint.clientSecret();
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      ...(scope === null ? {} : { scope }),
      ...(endpoint.inBody ? { client_id: clientId, client_secret: secret } : {}),
    });
    const credentials = [clientId, secret].map(encodeURIComponent).join(':');
    const { status, body } = await ask(new URL(url), {
      method: 'POST',
      headers: {
        accept: 'application/json',
        'content-type': 'application/x-www-form-urlencoded',
        ...(endpoint.inBody ? {} : { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` }),
      },
      body: form.toString(),
      tls,
    }).catch((error: Error & { code?: string }) => {
      throw isCertificateError(error)
        ? fail('runtime', `No TLS connection to the token endpoint ${url}: ${requestReason(error)}`, tlsHint, error)
        : fail('connection', `no token endpoint answers at ${url}: ${error.code ?? error.message}`, undefined, error);
    });
    const answer = parsed(body);
    if (status === 408 || status === 429 || status >= 500)
      throw fail('connection', `the token endpoint ${url} answers with HTTP ${status}`);
    if (status !== 200) {
      const reason = String(answer['error'] ?? '');
      const told = /^[a-z_]{1,40}$/.test(reason) ? `, ${reason}` : '';
      throw fail(
        'runtime',
        `The token endpoint ${url} gives client ${clientId} no token (HTTP ${status}${told}).`,
        options,
      );
    }
    const text = answer['access_token'];
    if (typeof text !== 'string' || text === '')
      throw fail('runtime', `What answers at ${url} is no token endpoint: it gives no access_token.`, options);
    seen(text);
    const lifeMs = this.#life(answer['expires_in'], text);
    return { text, renewAt: began + lifeMs * RENEW_AFTER, expiresAt: began + lifeMs };
  }

  /** Milliseconds; 0 if the endpoint does not return a lifetime: each connection then requests a token. */
  #life(expiresIn: unknown, token: string): number {
    if (Number(expiresIn) > 0) return Number(expiresIn) * 1000;
    const expires = claim(token, 'exp');
    return expires === null ? 0 : Math.max(0, expires * 1000 - this.#now());
  }
}

/** A numeric claim of a JWT; null if it is missing or the token is not a JWT. */
function claim(token: string, name: string): number | null {
  const payload = parsed(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
  return typeof payload[name] === 'number' ? payload[name] : null;
}

function parsed(text: string): { readonly [name: string]: unknown } {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
