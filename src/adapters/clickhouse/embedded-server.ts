// The embedded ClickHouse of a target for `tsdbt db`. embedded.ts starts and stops it.
import type { Profile } from '../../contracts/project.ts';
import { type EmbeddedServer, loginOf } from '../embedded/embedded-server.ts';
import type { AdapterOptions } from '../index.ts';
import { embeddedFolder } from './create.ts';
import { adoptEmbedded, embeddedStatus, keepEmbedded, stopEmbedded } from './embedded.ts';

/** @returns null if the target is a server of the user */
export function clickhouseServer(
  profile: Profile,
  { projectDir }: Pick<AdapterOptions, 'projectDir'>,
): EmbeddedServer | null {
  const dir = embeddedFolder(profile, projectDir);
  if (dir === null) return null;
  const { schema } = profile.credentials;
  return {
    title: 'ClickHouse',
    keep: () => keepEmbedded({ dir, projectDir }),
    stop: () => stopEmbedded(dir),
    status: () => embeddedStatus(dir),
    adopt: () => adoptEmbedded(dir),
    url: (address) => `http://${loginOf(address)}/?database=${encodeURIComponent(schema)}`,
  };
}
