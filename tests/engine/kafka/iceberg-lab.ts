// A project that publishes into Iceberg tables of a real REST catalog over a real object store, and what pyiceberg
// reads of them.
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { StoreLab } from '../publish/store-lab.ts';
import { ACCESS_KEY } from '../support/s3-server.ts';
import { IcebergCatalog } from './iceberg-catalog.ts';

/** A Python with pyiceberg; made when it is not there. */
function python(): string {
  const folder = join(homedir(), '.cache', 'tsdbt-pyiceberg-0.12.0');
  const program = join(folder, 'bin', 'python');
  if (existsSync(join(folder, 'ready'))) return program;
  mkdirSync(folder, { recursive: true });
  execFileSync('python3', ['-m', 'venv', folder], { stdio: 'ignore' });
  execFileSync(program, ['-m', 'pip', 'install', '-q', 'pyiceberg==0.12.0', 'pyarrow==26.0.1', 's3fs'], {
    stdio: 'ignore',
  });
  writeFileSync(join(folder, 'ready'), '');
  return program;
}

interface Read {
  readonly columns: readonly string[];
  readonly snapshots: number;
  readonly rows: readonly Record<string, unknown>[];
}

export interface Snapshot {
  readonly 'snapshot-id': number;
  readonly 'parent-snapshot-id'?: number;
  readonly 'sequence-number': number;
  readonly 'schema-id': number;
  readonly summary: Readonly<Record<string, string>>;
}

export class IcebergLab {
  readonly store: StoreLab;
  readonly catalog: IcebergCatalog;

  private constructor(store: StoreLab, catalog: IcebergCatalog) {
    this.store = store;
    this.catalog = catalog;
  }

  static async open(): Promise<IcebergLab> {
    python();
    const store = await StoreLab.open();
    const lab = new IcebergLab(store, await IcebergCatalog.start(store.server.endpoint));
    lab.connect();
    return lab;
  }

  /** Writes the connection `ice`. */
  connect(own: Readonly<Record<string, string>> = {}): void {
    const { server, project } = this.store;
    const place = { endpoint: server.endpoint, bucket: 'lake', access_key_id: ACCESS_KEY };
    const secret = { secret_access_key: "{{ env_var('S3_SECRET') }}" };
    const ice = { type: 'iceberg', uri: this.catalog.uri, ...place, ...secret, ...own };
    project.write({ 'connections.yml': JSON.stringify({ ice }) });
  }

  /** @param snapshot its id; absent: the current one */
  async read(table: string, ...snapshot: string[]): Promise<Read> {
    const said = await this.script('iceberg_rows.py', table, ...snapshot);
    const [head = '', ...lines] = said.trimEnd().split('\n');
    return { ...(JSON.parse(head) as Read), rows: lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
  }

  /** Runs a script beside this file. @param args behind the table's name @throws with what it said, when it fails */
  async script(name: string, table: string, ...args: string[]): Promise<string> {
    const [program, first] = this.#python(name, table);
    return (await promisify(execFile)(program, [...first, ...args], { maxBuffer: 2 ** 28 })).stdout;
  }

  /** Starts it. */
  start(name: string, table: string, ...args: string[]): ChildProcess {
    const [program, first] = this.#python(name, table);
    return spawn(program, [...first, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  }

  /** A question to the catalog. @throws with its answer, when it refuses */
  async ask(path: string, body?: object): Promise<Record<string, unknown>> {
    const answer = await fetch(`${this.catalog.uri}/v1/${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const said = await answer.text();
    if (!answer.ok) throw new Error(said);
    return said === '' ? {} : (JSON.parse(said) as Record<string, unknown>);
  }

  /** Ids of the snapshots that the catalog has, the oldest first. */
  async snapshots(table: string): Promise<number[]> {
    return (await this.history(table)).map((each) => each['snapshot-id']);
  }

  /** All snapshots that the catalog has, the oldest first. */
  async history(table: string): Promise<Snapshot[]> {
    const { metadata } = (await this.ask(pathOf(table))) as { metadata: { snapshots?: Snapshot[] } };
    return [...(metadata.snapshots ?? [])].sort((a, b) => a['sequence-number'] - b['sequence-number']);
  }

  async change(table: string, updates: readonly object[]): Promise<void> {
    await this.ask(pathOf(table), { requirements: [], updates });
  }

  async close(): Promise<void> {
    await this.catalog.close();
    await this.store.close();
  }

  #python(name: string, table: string): [string, string[]] {
    return [python(), [join(import.meta.dirname, name), this.catalog.uri, this.store.server.endpoint, table]];
  }
}

function pathOf(table: string): string {
  const [namespace, name] = table.split('.');
  return `namespaces/${namespace}/tables/${name}`;
}
