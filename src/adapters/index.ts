// The registry: makes the adapter for a profile. The driver of a dialect is loaded when a profile asks for it.
import { TsdbtError } from '../errors.ts';
import type { Profile } from '../contracts/project.ts';
import type { Adapter } from './adapter.ts';
import type { PathPart } from './relation-dialect.ts';

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
  const make = ADAPTERS.get(profile.credentials.type);
  if (!make) {
    throw new TsdbtError('runtime', `Could not find adapter type ${profile.credentials.type}!`, {
      hint: `This version knows: ${[...ADAPTERS.keys()].join(', ')}.`,
    });
  }
  return make(profile, options);
}

const ADAPTERS: ReadonlyMap<string, (profile: Profile, options: AdapterOptions) => Promise<Adapter>> = new Map([
  [
    'postgres',
    async (profile: Profile, options: AdapterOptions): Promise<Adapter> => {
      const { createPostgresAdapter } = await import('./postgres/create.ts');
      return createPostgresAdapter(profile, options);
    },
  ],
  [
    'clickhouse',
    async (profile: Profile, options: AdapterOptions): Promise<Adapter> => {
      const { createClickHouseAdapter } = await import('./clickhouse/create.ts');
      return createClickHouseAdapter(profile, options);
    },
  ],
]);
