// db start | stop | status | url: passes the profile to src/cli/db.ts.
import { errorOf } from '../../error-table.ts';
import { note, print } from '../../events/index.ts';
import { load } from '../../index.ts';
import { type DbAction, runDb } from '../db.ts';
import { type CommandSession, now } from '../command-session.ts';

export async function dbCommand(session: CommandSession): Promise<boolean> {
  const [action] = session.positional;
  if (action === undefined) throw errorOf('dbWithoutAction', {});
  const { cwd, env, templateEnv, flags, invocation, logger, secrets } = session;
  const { config } = await load({ cwd, env, templateEnv, flags, invocation, logger, secrets, now, pid: process.pid });
  const reveal = (msg: string, ...hidden: readonly string[]): void => {
    secrets.add(...hidden);
    print(logger, msg, { revealed: true });
  };
  return (
    (await runDb(action as DbAction, {
      profile: config.profile,
      projectDir: config.project.project_root,
      print: (msg) => print(logger, msg),
      reveal,
      notify: (msg) => note(logger, msg),
    })) === 0
  );
}
