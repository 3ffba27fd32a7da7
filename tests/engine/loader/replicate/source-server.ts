// A Postgres server whose changes can be replicated, for tests.
import pg from 'pg';
import type { Credentials } from '../../../../src/contracts/project.ts';
import { OWN_SERVER } from '../../adapters/servers.ts';

export class SourceServer {
  readonly credentials: Credentials;
  /** A session of the application. */
  client: pg.Client;
  readonly #server: Awaited<ReturnType<(typeof OWN_SERVER)['open']>>;

  private constructor(server: Awaited<ReturnType<(typeof OWN_SERVER)['open']>>) {
    this.#server = server;
    this.credentials = server.credentials;
    this.client = this.login();
  }

  static async open(level = 'logical'): Promise<SourceServer> {
    const source = new SourceServer(await OWN_SERVER.open());
    await source.asSuperuser(`alter system set wal_level = '${level}'`);
    await source.crash();
    return source;
  }

  get role(): string {
    return String(this.credentials['user']);
  }

  get env(): { readonly SOURCE_PASSWORD: string } {
    return { SOURCE_PASSWORD: String(this.credentials['password']) };
  }

  /** The keys of a connection in connections.yml. */
  get connection(): string {
    const { host, port, user, database } = this.credentials;
    const address = `type: postgres, host: ${host}, port: ${port}, user: ${user}, dbname: ${database}`;
    return `{${address}, password: "{{ env_var('SOURCE_PASSWORD') }}"}`;
  }

  /** Ends the whole server at once, and starts it again. */
  async crash(): Promise<void> {
    await this.#server.crash?.();
    // A server that starts takes it from the role.
    await this.asSuperuser(`alter role ${this.role} replication`);
    this.client = this.login();
    await this.client.connect();
  }

  async query(...statements: readonly string[]): Promise<unknown[][]> {
    let rows: unknown[][] = [];
    for (const text of statements) ({ rows } = await this.client.query({ text, rowMode: 'array' }));
    return rows;
  }

  async asSuperuser(...statements: readonly string[]): Promise<void> {
    const client = this.login(this.#server.superuser);
    await client.connect();
    for (const statement of statements) await client.query(statement);
    await client.end();
  }

  async close(): Promise<void> {
    await this.client.end();
    await this.#server.close();
  }

  login(as: object = {}): pg.Client {
    const { host, port, user, password, database } = this.credentials;
    const address = { host: `${host}`, port: Number(port), user: `${user}`, password: `${password}` };
    const client = new pg.Client({ ...address, database: `${database}`, ...as });
    client.on('error', () => undefined);
    return client;
  }
}
