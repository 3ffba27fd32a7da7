// Stands before a catalog and lets through who shows a token that was given and is not taken back.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TokenServer } from './token-server.ts';

export class GuardedCatalog {
  /** Requests that a token is good for. */
  most = Number.POSITIVE_INFINITY;
  refused = 0;
  readonly #used = new Map<string, number>();
  readonly #server: Server;

  private constructor(behind: string, tokens: TokenServer) {
    this.#server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        const token = (request.headers.authorization ?? '').replace('Bearer ', '');
        const used = this.#used.get(token) ?? 0;
        this.#used.set(token, used + 1);
        if (!tokens.given.includes(token) || used >= this.most) {
          this.refused++;
          response.writeHead(401, { 'content-type': 'application/json' });
          return response.end(JSON.stringify({ error: { message: 'who are you?', type: 'NotAuthorized', code: 401 } }));
        }
        const body = parts.length === 0 ? {} : { body: Buffer.concat(parts) };
        void fetch(`${behind}${request.url}`, {
          method: request.method ?? 'GET',
          headers: { 'content-type': 'application/json' },
          ...body,
        }).then(async (answer) => {
          response.writeHead(answer.status, { 'content-type': 'application/json' });
          response.end(Buffer.from(await answer.arrayBuffer()));
        });
      });
    });
  }

  /** @param behind the catalog's own URI */
  static async start(behind: string, tokens: TokenServer): Promise<GuardedCatalog> {
    const guard = new GuardedCatalog(behind, tokens);
    await new Promise<void>((resolve) => {
      guard.#server.listen(0, '127.0.0.1', resolve);
    });
    return guard;
  }

  get uri(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }
}
