// The embedded Postgres of a target for `tsdbt db`. embedded.ts starts and stops it.
import type { Profile } from '../../contracts/project.ts';
import { type EmbeddedServer, loginOf } from '../embedded/embedded-server.ts';
import type { AdapterOptions } from '../index.ts';
import { embeddedFolder } from './create.ts';
import { adoptEmbedded, embeddedStatus, keepEmbedded, stopEmbedded } from './embedded.ts';

/** @returns null if the target is a server of the user */
export function postgresServer(
  profile: Profile,
  { projectDir, notify }: Pick<AdapterOptions, 'projectDir' | 'notify'>,
): EmbeddedServer | null {
  const dir = embeddedFolder(profile, projectDir);
  if (dir === null) return null;
  const { database } = profile.credentials;
  return {
    title: 'Postgres',
    keep: () => keepEmbedded({ dir, database, notify }),
    stop: () => stopEmbedded(dir),
    status: () => ({ home: dir, kept: false, ...embeddedStatus(dir) }),
    adopt: () => adoptEmbedded(dir),
    url: (address) => `postgresql://${loginOf(address)}/${encodeURIComponent(database)}`,
  };
}
