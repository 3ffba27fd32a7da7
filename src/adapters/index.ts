// The registry: makes the adapter for a profile. The driver of a dialect is loaded when a profile asks for it.
import { TsdbtError } from '../errors.ts';
import type { Profile } from '../contracts/project.ts';
import type { Adapter } from './adapter.ts';
import { credentialsSpec } from './credentials.ts';
import type { EmbeddedServer } from './embedded/embedded-server.ts';
import type { PathPart } from './relation-dialect.ts';

export type { EmbeddedServer };

export interface AdapterOptions {
  /** The project's `quoting:`. */
  readonly quoting: Partial<Record<PathPart, boolean | null | undefined>>;
  /** Concurrent nodes; the adapter holds two connections more at most. Default: the profile's. */
  readonly threads?: number | undefined;
  /** Folder that an embedded server's relative path counts from. */
  readonly projectDir: string;
  /** Where a driver's own variables are looked up (PGSSLMODE). */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Told when something takes longer than a moment: an embedded server is being installed. */
  readonly notify?: ((message: string) => void) | undefined;
}

/**
 * The adapter for a target. Opens no connection.
 * @throws `profile` error naming the types there are
 */
export async function createAdapter(profile: Profile, options: AdapterOptions): Promise<Adapter> {
  return dialectOf(profile).adapter(profile, options);
}

/** The entry points of a dialect. The first call of one loads its driver. */
interface Dialect {
  adapter(profile: Profile, options: AdapterOptions): Promise<Adapter>;
  embeddedServer(profile: Profile, options: EmbeddedOptions): Promise<EmbeddedServer | null>;
}

type EmbeddedOptions = Pick<AdapterOptions, 'projectDir' | 'notify'>;

/**
 * The embedded server of a target; null when the target names a server of the user's. Starts nothing.
 * @throws `runtime` error for an unknown type
 */
export async function embeddedServer(profile: Profile, options: EmbeddedOptions): Promise<EmbeddedServer | null> {
  return dialectOf(profile).embeddedServer(profile, options);
}

/** Version of dbt's adapter that this one behaves like; empty for an unknown type. */
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
    },
  ],
  [
    'clickhouse',
    {
      adapter: async (profile, options) =>
        (await import('./clickhouse/create.ts')).createClickHouseAdapter(profile, options),
      embeddedServer: async (profile, options) =>
        (await import('./clickhouse/embedded-server.ts')).clickhouseServer(profile, options),
    },
  ],
]);
