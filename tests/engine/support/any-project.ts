// A project in a folder of its own on either database, with an adapter beside it: files written, the program run.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'vitest';
import type { Adapter } from '../../../src/adapters/adapter.ts';
import { createAdapter } from '../../../src/adapters/index.ts';
import type { Credentials } from '../../../src/contracts/project.ts';
import { SERVERS } from '../adapters/servers.ts';
import { clickhouseFolder, clickhouseMissing } from './clickhouse.ts';
import { type Ended, run } from './program.ts';

interface Opened {
  /** As an output of profiles.yml. */
  readonly credentials: Readonly<Record<string, unknown>>;
  close(): Promise<void>;
}

/** A database that a project can stand on; `missing` says why it is not there. */
export interface ProjectDatabase {
  readonly missing: string | null;
  open(): Promise<Opened>;
}

export const PROJECT_DATABASES: Readonly<Record<'postgres' | 'clickhouse', ProjectDatabase>> = {
  postgres: {
    missing: null,
    async open() {
      const { credentials, close } = await SERVERS.at(-1)!.open();
      const { database, ...rest } = credentials as unknown as Record<string, unknown>;
      return { credentials: { ...rest, dbname: database }, close };
    },
  },
  clickhouse: {
    missing: clickhouseMissing,
    open: async () => ({
      credentials: { type: 'clickhouse', path: clickhouseFolder() },
      close: async () => undefined,
    }),
  },
};

export class AnyProject {
  readonly dir: string;
  readonly adapter: Adapter;
  readonly #server: Opened;

  private constructor(dir: string, server: Opened, adapter: Adapter) {
    this.dir = dir;
    this.#server = server;
    this.adapter = adapter;
  }

  /** A project `p` with these files, which was run once. */
  static async open(
    database: ProjectDatabase,
    schema: string,
    files: Readonly<Record<string, string>>,
  ): Promise<AnyProject> {
    const dir = mkdtempSync(join(tmpdir(), 'tsdbt-any-'));
    const server = await database.open();
    const output = { ...server.credentials, schema, threads: 4 };
    const { dbname, threads: _, ...rest } = output as Record<string, unknown>;
    const credentials = { database: dbname ?? '', ...rest } as unknown as Credentials;
    const profile = { profile_name: 'p', target_name: 'dev', threads: 4, profiles_dir: null, credentials };
    const adapter = await createAdapter(profile, { quoting: {}, projectDir: dir, threads: 4 });
    const project = new AnyProject(dir, server, adapter);
    project.write({
      'dbt_project.yml': 'name: p\nversion: "1.0"\nprofile: p\n',
      'profiles.yml': JSON.stringify({ p: { target: 'dev', outputs: { dev: output } } }),
      ...files,
    });
    expect((await project.tsdbt('run')).code).toBe(0);
    return project;
  }

  write(files: Readonly<Record<string, string>>): void {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(this.dir, path)), { recursive: true });
      writeFileSync(join(this.dir, path), text);
    }
  }

  tsdbt(...args: string[]): Promise<Ended> {
    return run([...args, '--no-use-colors'], {
      cwd: this.dir,
      env: { ...process.env, DBT_PROFILES_DIR: this.dir },
    });
  }

  async close(): Promise<void> {
    await this.adapter.close();
    await this.#server.close();
    rmSync(this.dir, { recursive: true, force: true });
  }
}
