// A project that publishes into a real object store: its connection, the model `m`, and what a reader of the manifest
// finds.
import { setTimeout as pause } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { parquetReadObjects } from 'hyparquet';
import type { ObjectStore } from '../../../src/object-store/store.ts';
import type { Manifest } from '../../../src/publish/lake/lake-manifest.ts';
import { FaultProject } from '../faults/project.ts';
import type { Running } from '../support/program.ts';
import { ACCESS_KEY, S3Server, SECRET_KEY } from '../support/s3-server.ts';

export class StoreLab {
  readonly project: FaultProject;
  readonly server: S3Server;
  readonly store: ObjectStore;

  private constructor(project: FaultProject, server: S3Server) {
    this.project = project;
    this.server = server;
    this.store = server.store();
  }

  static async open(): Promise<StoreLab> {
    const server = await new S3Server().start();
    const lab = new StoreLab(await FaultProject.open({}), server);
    lab.project.env = { S3_SECRET: SECRET_KEY };
    lab.connect();
    return lab;
  }

  /** Writes the connection. */
  connect(own: Readonly<Record<string, string>> = {}): void {
    const lake = { type: 's3', endpoint: this.server.endpoint, bucket: 'lake', access_key_id: ACCESS_KEY, ...own };
    this.project.write({
      'connections.yml': JSON.stringify({ lake: { ...lake, secret_access_key: "{{ env_var('S3_SECRET') }}" } }),
    });
  }

  /** Writes the model `m` and its publication. */
  model(sql: string, publish: unknown): void {
    const config = { meta: { tsdbt: { publish } } };
    this.project.write({
      'models/m.sql': `{{ config(materialized='table') }}\n${sql}`,
      'models/m.yml': JSON.stringify({ models: [{ name: 'm', config }] }),
    });
  }

  /** @throws with what was said, when the command fails */
  async run(...args: string[]): Promise<string> {
    const { code, out } = await this.project.run(args);
    if (code !== 0) throw new Error(out);
    return out;
  }

  async manifest(path: string): Promise<Manifest | null> {
    const body = await this.store.get(`${path}/manifest.json`);
    return body === null ? null : (JSON.parse(body.toString()) as Manifest);
  }

  /** The rows of one version, as a reader finds them who takes the manifest first. */
  async rows(path: string): Promise<Record<string, unknown>[]> {
    const manifest = await this.manifest(path);
    const found: Record<string, unknown>[] = [];
    for (const { path: file, rows, bytes } of manifest?.files ?? []) {
      const body = await this.store.get(`${path}/${file}`);
      if (body === null || body.length !== bytes) throw new Error(`${file} is gone`);
      const its = await parquetReadObjects({
        file: Uint8Array.from(body).buffer,
        compressors: { GZIP: (page) => new Uint8Array(gunzipSync(page)) },
      });
      if (its.length !== rows) throw new Error(`${file} has ${its.length} rows`);
      found.push(...its);
    }
    return found;
  }

  async keys(prefix: string): Promise<string[]> {
    const keys: string[] = [];
    for await (const { key } of this.store.list(prefix)) keys.push(key);
    return keys;
  }

  /** Objects that are neither the manifest nor named by it. */
  async orphans(path: string): Promise<string[]> {
    const manifest = await this.manifest(path);
    const named = new Set(['manifest.json', ...(manifest?.files ?? []).map((file) => file.path)]);
    return (await this.keys(`${path}/`)).filter((key) => !named.has(key.slice(path.length + 1)));
  }

  /**
   * Kills a publisher; each third round the store goes away instead, and comes back.
   * @returns whether the publisher was at work
   */
  async disturb({ child, ended }: Running, round: number): Promise<boolean> {
    const working = child.exitCode === null;
    if (round % 3 === 0) {
      await this.server.kill();
      await pause(300);
      await this.server.start();
    } else child.kill('SIGKILL');
    await ended;
    return working;
  }

  async close(): Promise<void> {
    this.store.close();
    await this.project.close();
    await this.server.stop();
  }
}
