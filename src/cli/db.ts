// `tsdbt db start|stop|status|url`: the embedded servers as people meet them. What they do is in
// adapters/*/embedded.ts.
import type { Profile } from '../contracts/project.ts';
import { embeddedFolder as clickhouseFolder } from '../adapters/clickhouse/create.ts';
import * as clickhouse from '../adapters/clickhouse/embedded.ts';
import { embeddedFolder as postgresFolder } from '../adapters/postgres/create.ts';
import * as postgres from '../adapters/postgres/embedded.ts';
import { TsdbtError } from '../errors.ts';

export type DbAction = 'start' | 'stop' | 'status' | 'url';

export interface DbOptions {
  readonly profile: Profile;
  readonly projectDir: string;
  /** Writes a line for people. */
  readonly print: (line: string) => void;
  /** Writes a line that the user has asked for, secrets and all, to the console alone. */
  readonly reveal: (line: string, ...hidden: readonly string[]) => void;
  readonly notify: (message: string) => void;
}

interface Address {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

/** The embedded server of a target. */
interface Embedded {
  readonly title: string;
  keep(): Promise<Address & { release(): Promise<void> }>;
  stop(): Promise<readonly number[]>;
  status(): {
    readonly state: 'absent' | 'stopped' | 'running';
    readonly home: string;
    readonly kept: boolean;
    readonly port?: number;
    readonly pid?: number;
    readonly users?: readonly number[];
  };
  url(server: Address): string;
}

/** @returns null when the target names a server of the user's */
function embeddedOf({ profile, projectDir, notify }: DbOptions): Embedded | null {
  const { type, database, schema } = profile.credentials;
  const login = ({ host, port, user, password }: Address): string =>
    `${encodeURIComponent(user)}:${encodeURIComponent(password)}@${host}:${port}`;
  const dir = type === 'clickhouse' ? clickhouseFolder(profile, projectDir) : postgresFolder(profile, projectDir);
  if (dir === null) return null;
  if (type === 'clickhouse') {
    return {
      title: 'ClickHouse',
      keep: () => clickhouse.keepEmbedded({ dir, projectDir }),
      stop: () => clickhouse.stopEmbedded(dir),
      status: () => ({ home: dir, ...clickhouse.embeddedStatus(dir) }),
      url: (server) => `http://${login(server)}/?database=${encodeURIComponent(schema)}`,
    };
  }
  return {
    title: 'Postgres',
    keep: () => postgres.keepEmbedded({ dir, database, notify }),
    stop: () => postgres.stopEmbedded(dir),
    status: () => ({ home: dir, kept: false, ...postgres.embeddedStatus(dir) }),
    url: (server) => `postgresql://${login(server)}/${encodeURIComponent(database)}`,
  };
}

/**
 * Does what the command says.
 * @returns the exit code: 1 when `status` finds no running server
 * @throws when the target's server is not embedded
 */
export async function runDb(action: DbAction, options: DbOptions): Promise<number> {
  const { profile, print, reveal } = options;
  const embedded = embeddedOf(options);
  if (embedded === null) {
    throw new TsdbtError(
      'profile',
      `target "${profile.target_name}" of profile "${profile.profile_name}" names a server of yours`,
      {
        hint:
          '`tsdbt db` is for embedded servers: a Postgres target with `embedded: true`, a ClickHouse target with ' +
          '`path:`.',
      },
    );
  }
  const { title } = embedded;
  switch (action) {
    case 'start': {
      const server = await embedded.keep();
      await server.release();
      print(
        `The embedded ${title} runs on ${server.host}:${server.port} until \`tsdbt db stop\`. Its address with ` +
          'the password: `tsdbt db url`.',
      );
      return 0;
    }
    case 'stop': {
      const users = await embedded.stop();
      print(
        users.length === 0
          ? `The embedded ${title} is stopped.`
          : `The embedded ${title} is in use (pid ${users.join(', ')}) and stops when that ends.`,
      );
      return 0;
    }
    case 'status': {
      const { state, home, kept, port, pid, users = [] } = embedded.status();
      if (state === 'absent') print(`No embedded ${title} in ${home}: the first command that needs it makes it.`);
      else if (state === 'stopped') print(`The embedded ${title} is stopped. Its data: ${home}.`);
      else {
        print(
          `The embedded ${title} runs on 127.0.0.1:${port} (pid ${pid}), ` +
            `${kept ? 'until `tsdbt db stop`' : 'until its last user ends'}. Its data: ${home}.`,
        );
        if (users.length > 0) print(`Used by: ${users.map((user) => `pid ${user}`).join(', ')}.`);
      }
      return state === 'running' ? 0 : 1;
    }
    case 'url': {
      // A URL is of use only while there is a server behind it: start it and let it run.
      const server = await embedded.keep();
      await server.release();
      reveal(embedded.url(server), server.password);
      return 0;
    }
  }
}
