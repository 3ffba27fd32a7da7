// A token endpoint and its keys for tests: hands out JWTs by the flow of client credentials, signed with a key of its
// own, and writes the file of keys that a broker verifies them with.
import { createSign, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export class TokenServer {
  /** What clients must show. */
  client = 'loader';
  secret = 'token-geheim';
  /** Seconds that a token lives. */
  lifetime = 3600;
  /** Answers every request with this status. */
  ill: number | null = null;
  /** The forms that were sent. */
  readonly asked: URLSearchParams[] = [];
  readonly given: string[] = [];
  /** Keys as a JWKS. */
  readonly jwks: string;
  readonly #key: KeyObject;
  readonly #server: Server;

  private constructor() {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    this.#key = privateKey;
    this.jwks = JSON.stringify({
      keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k1', use: 'sig', alg: 'RS256' }],
    });
    this.#server = createServer((request, response) => {
      let form = '';
      request.on('data', (chunk) => {
        form += String(chunk);
      });
      request.on('end', () => {
        const shown = Buffer.from((request.headers.authorization ?? '').replace('Basic ', ''), 'base64').toString();
        const sent = new URLSearchParams(form);
        this.asked.push(sent);
        const right =
          shown === `${encodeURIComponent(this.client)}:${encodeURIComponent(this.secret)}` ||
          (sent.get('client_id') === this.client && sent.get('client_secret') === this.secret);
        const status = this.ill ?? (right ? 200 : 401);
        response.writeHead(status, { 'content-type': 'application/json' });
        if (status !== 200)
          return response.end(JSON.stringify({ error: 'invalid_client', client_secret: shown, sent: form }));
        const token = this.token();
        this.given.push(token);
        return response.end(JSON.stringify({ access_token: token, token_type: 'Bearer', expires_in: this.lifetime }));
      });
    });
  }

  static async start(): Promise<TokenServer> {
    const server = new TokenServer();
    await new Promise<void>((resolve) => {
      server.#server.listen(0, '127.0.0.1', resolve);
    });
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/token`;
  }

  /** @param claims in place of the usual ones */
  token(claims: object = {}): string {
    const now = Math.floor(Date.now() / 1000);
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const body = `${part({ alg: 'RS256', typ: 'JWT', kid: 'k1' })}.${part({
      sub: 'oauth-user',
      scope: 'kafka',
      iss: 'tests',
      aud: 'broker',
      jti: String(this.given.length),
      iat: now,
      exp: now + this.lifetime,
      ...claims,
    })}`;
    return `${body}.${createSign('RSA-SHA256').update(body).sign(this.#key).toString('base64url')}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }
}
