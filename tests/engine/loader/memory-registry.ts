// A Schema Registry in memory that speaks Confluent's REST interface as far as clients use it: subjects, versions, ids,
// compatibility, config, mode.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';

interface Reference {
  readonly name: string;
  readonly subject: string;
  readonly version: number;
}
interface Schema {
  readonly schema: string;
  readonly schemaType?: string;
  readonly references?: readonly Reference[];
}
interface Version extends Schema {
  readonly id: number;
  readonly version: number;
  deleted: boolean;
}

class RegistryError extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

export class MemoryRegistry {
  readonly requests: string[] = [];
  /** What each request must carry; null: nothing. */
  authorization: string | null = null;
  /** Answers every request with this status, as one that is ill does. */
  ill: number | null = null;
  /** Answers every request with this text and status 200, as what is no registry does. */
  always: string | null = null;
  private readonly server: Server;
  private readonly subjects = new Map<string, Version[]>();
  private readonly ids = new Map<string, number>();
  private readonly compatibility = new Map<string, string>();
  private readonly secure: boolean;

  private constructor(tls: { key: string; cert: string } | null) {
    const handler = (request: IncomingMessage, response: ServerResponse): void => void this.handle(request, response);
    this.secure = tls !== null;
    this.server = tls === null ? createServer(handler) : createTlsServer(tls, handler);
  }

  static async start(tls: { key: string; cert: string } | null = null, port = 0): Promise<MemoryRegistry> {
    const registry = new MemoryRegistry(tls);
    await new Promise<void>((resolve) => {
      registry.server.listen(port, '127.0.0.1', resolve);
    });
    return registry;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }
  get url(): string {
    return `${this.secure ? 'https' : 'http'}://127.0.0.1:${this.port}`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => {
      this.server.close(resolve);
    });
  }

  /** @returns the id */
  register(subject: string, schema: unknown, more: Partial<Schema> = {}): number {
    return this.add(subject, {
      schemaType: 'JSON',
      ...more,
      schema: typeof schema === 'string' ? schema : JSON.stringify(schema),
    }).id;
  }

  private add(subject: string, { schema, schemaType = 'AVRO', references = [] }: Schema): Version {
    const versions = this.subjects.get(subject) ?? [];
    this.subjects.set(subject, versions);
    const content = JSON.stringify([schemaType, schema, references]);
    const id = this.ids.get(content) ?? this.ids.size + 1;
    this.ids.set(content, id);
    const known = versions.find((version) => version.id === id && !version.deleted);
    if (known !== undefined) return known;
    const added = { schema, schemaType, references, id, version: versions.length + 1, deleted: false };
    versions.push(added);
    return added;
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url);
    this.requests.push(`${request.method} ${url.pathname}`);
    let status = 200;
    let answer: unknown;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (this.ill !== null) [status, answer] = [this.ill, { error_code: this.ill * 100 + 1, message: 'ill' }];
    else if (this.authorization !== null && request.headers.authorization !== this.authorization)
      [status, answer] = [401, { error_code: 401, message: 'Unauthorized' }];
    else {
      try {
        answer = this.answer(
          request.method ?? 'GET',
          url,
          chunks.length === 0 ? null : JSON.parse(Buffer.concat(chunks).toString('utf8')),
        );
      } catch (error) {
        const code = error instanceof RegistryError ? error.code : 50001;
        [status, answer] = [Math.floor(code / 100), { error_code: code, message: String(error) }];
      }
    }
    if (this.always !== null) {
      response.writeHead(200).end(this.always);
      return;
    }
    response
      .writeHead(status, { 'content-type': 'application/vnd.schemaregistry.v1+json' })
      .end(JSON.stringify(answer));
  }

  private answer(method: string, url: URL, body: unknown): unknown {
    const [, first, second, third, fourth] = url.pathname.split('/').map(decodeURIComponent);
    if (first === 'schemas' && second === 'types') return ['AVRO', 'PROTOBUF', 'JSON'];
    if (first === 'schemas' && second === 'ids') {
      const found = [...this.subjects.values()].flat().find(({ id }) => id === Number(third));
      if (found === undefined) throw new RegistryError(40403, 'Schema not found');
      return shown(found);
    }
    if (first === 'config' || first === 'mode') {
      const field = first === 'mode' ? 'mode' : method === 'GET' ? 'compatibilityLevel' : 'compatibility';
      if (method === 'PUT')
        this.compatibility.set(`${first}/${second ?? ''}`, String(Object.values(body as object)[0]));
      return {
        [field]:
          this.compatibility.get(`${first}/${second ?? ''}`) ??
          this.compatibility.get(`${first}/`) ??
          (first === 'mode' ? 'READWRITE' : 'BACKWARD'),
      };
    }
    if (first === 'compatibility') return { is_compatible: true };
    if (first !== 'subjects') throw new RegistryError(40400, 'HTTP 404 Not Found');
    if (second === undefined) return [...this.subjects.keys()];
    if (third === 'versions' && fourth === undefined && method === 'POST')
      return { id: this.add(second, body as Schema).id };
    const versions = this.subjects.get(second)?.filter(({ deleted }) => !deleted) ?? [];
    if (versions.length === 0) throw new RegistryError(40401, `Subject '${second}' not found.`);
    if (third === undefined && method === 'POST') {
      const wanted = body as Schema;
      const found = versions.find(
        ({ schema, schemaType }) => schema === wanted.schema && schemaType === (wanted.schemaType ?? 'AVRO'),
      );
      if (found === undefined) throw new RegistryError(40403, 'Schema not found');
      return { subject: second, version: found.version, ...shown(found) };
    }
    if (third === undefined && method === 'DELETE')
      return versions.map((version) => {
        version.deleted = true;
        return version.version;
      });
    if (third === 'versions' && fourth === undefined) return versions.map(({ version }) => version);
    const found = fourth === 'latest' ? versions.at(-1) : versions.find(({ version }) => version === Number(fourth));
    if (found === undefined) throw new RegistryError(40402, `Version ${fourth} not found.`);
    return { subject: second, version: found.version, ...shown(found) };
  }
}

function shown({ id, schema, schemaType, references }: Version): object {
  return {
    id,
    schema,
    ...(schemaType === 'AVRO' ? {} : { schemaType }),
    ...(references === undefined || references.length === 0 ? {} : { references }),
  };
}
