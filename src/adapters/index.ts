// The registry: creates the adapter of a profile. A dialect's driver is loaded when a profile requests it.
import { TsdbtError } from '../errors.ts';
import type { Profile } from '../contracts/project.ts';
import type { Adapter } from './adapter.ts';
import type { EmbeddedParser } from './clickhouse/embedded-parser.ts';
import { credentialsSpec } from './credentials.ts';
import type { EmptyDatabase, OpenEmptyDatabase } from './empty-relations.ts';
import type { EmbeddedServer } from './embedded/embedded-server.ts';
import type { PathPart } from './relation-dialect.ts';

export type { EmbeddedServer };

export interface AdapterOptions {
  /** The project's `quoting:`. */
  readonly quoting: Partial<Record<PathPart, boolean | null | undefined>>;
  /** Concurrent nodes; the adapter uses at most two more connections. Default: the profile's. */
  readonly threads?: number | undefined;
  /** Base folder of an embedded server's relative path. */
  readonly projectDir: string;
  /** Environment of the driver's own variables (PGSSLMODE). */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Called if something takes a while: an embedded server is being installed. */
  readonly notify?: ((message: string) => void) | undefined;
}

/**
 * Creates the adapter of a target. Opens no connection.
 * @throws `profile` error that names the supported types
 */
export async function createAdapter(profile: Profile, options: AdapterOptions): Promise<Adapter> {
  return dialectOf(profile).adapter(profile, options);
}

/** The entry points of a dialect. The first call for it loads its driver. */
interface Dialect {
  adapter(profile: Profile, options: AdapterOptions): Promise<Adapter>;
  embeddedServer(profile: Profile, options: EmbeddedOptions): Promise<EmbeddedServer | null>;
  parser?(projectDir: string): Promise<EmbeddedParser>;
  readonly emptyDatabase: OpenEmptyDatabase;
}

type EmbeddedOptions = Pick<AdapterOptions, 'projectDir' | 'notify'>;

/**
 * Returns the embedded server of a target; null if the target is a server of the user. Starts nothing.
 * @throws `runtime` error for an unknown type
 */
export async function embeddedServer(profile: Profile, options: EmbeddedOptions): Promise<EmbeddedServer | null> {
  return dialectOf(profile).embeddedServer(profile, options);
}

/**
 * Starts an engine that parses the dialect's SQL, without data.
 * @throws {TsdbtError} if the dialect has none, or its package is not installed
 */
export async function parsingEngine(type: string, projectDir: string): Promise<EmbeddedParser> {
  const start = DIALECTS.get(type)?.parser;
  if (start === undefined) throw new TsdbtError('runtime', `${type} has no embedded engine that parses SQL`);
  return start(projectDir);
}

/**
 * Starts the local engine of a dialect, in which queries are checked on empty tables.
 * @throws {TsdbtError} if its package is not installed
 */
export async function emptyDatabase(
  profile: Profile,
  options: Omit<Parameters<OpenEmptyDatabase>[0], 'profile'>,
): Promise<EmptyDatabase> {
  return dialectOf(profile).emptyDatabase({ ...options, profile });
}

/** Version of dbt's adapter that is implemented; empty for an unknown type. */
export function adapterVersion(type: string): string {
  return credentialsSpec(type)?.version ?? '';
}

function dialectOf({ credentials }: Profile): Dialect {
  const dialect = DIALECTS.get(credentials.type);
  if (dialect === undefined)
    throw new TsdbtError('runtime', `Could not find adapter type ${credentials.type}!`, {
      hint: `This version knows: ${[...DIALECTS.keys()].join(', ')}.`,
    });
  return dialect;
}

const DIALECTS: ReadonlyMap<string, Dialect> = new Map<string, Dialect>([
  [
    'postgres',
    {
      adapter: async (profile, options) =>
        (await import('./postgres/create.ts')).createPostgresAdapter(profile, options),
      embeddedServer: async (profile, options) =>
        (await import('./postgres/embedded-server.ts')).postgresServer(profile, options),
      emptyDatabase: async (options) => (await import('./postgres/embedded-empty.ts')).openEmptyDatabase(options),
    },
  ],
  [
    'clickhouse',
    {
      adapter: async (profile, options) =>
        (await import('./clickhouse/create.ts')).createClickHouseAdapter(profile, options),
      embeddedServer: async (profile, options) =>
        (await import('./clickhouse/embedded-server.ts')).clickhouseServer(profile, options),
      emptyDatabase: async (options) => (await import('./clickhouse/embedded-empty.ts')).openEmptyDatabase(options),
      parser: async (projectDir) => (await import('./clickhouse/embedded-parser.ts')).embeddedParser(projectDir),
    },
  ],
]);
