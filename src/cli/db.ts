// Runs `tsdbt db start|stop|status|url|adopt` for the embedded servers. adapters/*/embedded-server.ts manages them.
import type { Profile } from '../contracts/project.ts';
import { errorOf } from '../error-table.ts';
import { embeddedServer } from '../index.ts';

export type DbAction = 'start' | 'stop' | 'status' | 'url' | 'adopt';

interface DbOptions {
  readonly profile: Profile;
  readonly projectDir: string;
  /** Writes a line for the user. */
  readonly print: (line: string) => void;
  /** Writes requested output, including secrets, only to the console. */
  readonly reveal: (line: string, ...hidden: readonly string[]) => void;
  readonly notify: (message: string) => void;
}

/**
 * Executes the action.
 * @returns the exit code: 1 if `status` finds no running server
 * @throws if the target's server is not embedded, or is stopped and so has no address
 */
export async function runDb(action: DbAction, options: DbOptions): Promise<number> {
  const { profile, projectDir, print, reveal, notify } = options;
  const embedded = await embeddedServer(profile, { projectDir, notify });
  if (embedded === null) {
    throw errorOf('serverOfYours', { target: profile.target_name, profile: profile.profile_name });
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
    case 'adopt': {
      print(`The data of the embedded ${title} are in ${await embedded.adopt()} now.`);
      return 0;
    }
    case 'url': {
      if (embedded.status().state !== 'running') throw errorOf('serverStopped', { title });
      // An address is useful only while the server runs: keep it running.
      const server = await embedded.keep();
      await server.release();
      reveal(embedded.url(server), server.password);
      return 0;
    }
  }
}
