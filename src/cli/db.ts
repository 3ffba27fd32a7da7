// `tsdbt db start|stop|status|url`: the embedded Postgres as people meet it. What the server does is in adapters/postgres/embedded.ts.
import type { Profile } from '../contracts/project.ts';
import { embeddedFolder } from '../adapters/postgres/create.ts';
import { embeddedStatus, keepEmbedded, stopEmbedded } from '../adapters/postgres/embedded.ts';
import { TsdbtError } from '../errors.ts';

export type DbAction = 'start' | 'stop' | 'status' | 'url';

export interface DbOptions {
  readonly profile: Profile;
  readonly projectDir: string;
  /** Writes a line for people, or the URL alone. */
  readonly print: (line: string) => void;
  readonly notify: (message: string) => void;
}

/**
 * Does what the command says.
 * @returns the exit code: 1 when `status` finds no running server
 * @throws when the target's server is not embedded
 */
export async function runDb(action: DbAction, options: DbOptions): Promise<number> {
  const { profile, print, notify } = options;
  const dir = embeddedFolder(profile, options.projectDir);
  if (dir === null) {
    throw new TsdbtError('profile', `target "${profile.target_name}" of profile "${profile.profile_name}" names a server of yours`, {
      hint: '`tsdbt db` is for the embedded Postgres: a target with `embedded: true`.',
    });
  }
  switch (action) {
    case 'start': {
      const server = await keepEmbedded({ dir, database: profile.credentials.database, notify });
      await server.release();
      print(`The embedded Postgres runs on ${server.host}:${server.port} until \`tsdbt db stop\`. Its address with the password: \`tsdbt db url\`.`);
      return 0;
    }
    case 'stop': {
      const users = await stopEmbedded(dir);
      print(users.length === 0 ? 'The embedded Postgres is stopped.' : `The embedded Postgres is in use (pid ${users.join(', ')}) and stops when that ends.`);
      return 0;
    }
    case 'status': {
      const status = embeddedStatus(dir);
      if (status.state === 'absent') print(`No embedded Postgres in ${dir}: the first command that needs it makes it.`);
      else if (status.state === 'stopped') print(`The embedded Postgres is stopped. Its data: ${status.home}.`);
      else {
        print(`The embedded Postgres runs on 127.0.0.1:${status.port} (pid ${status.pid}), ${status.kept ? 'until `tsdbt db stop`' : 'until its last user ends'}. Its data: ${status.home}.`);
        if (status.users.length > 0) print(`Used by: ${status.users.map((pid) => `pid ${pid}`).join(', ')}.`);
      }
      return status.state === 'running' ? 0 : 1;
    }
    case 'url': {
      // A URL is of use only while there is a server behind it: start it and let it run.
      const server = await keepEmbedded({ dir, database: profile.credentials.database, notify });
      await server.release();
      print(`postgresql://${encodeURIComponent(server.user)}:${encodeURIComponent(server.password)}@${server.host}:${server.port}/${encodeURIComponent(server.database)}`);
      return 0;
    }
  }
}
