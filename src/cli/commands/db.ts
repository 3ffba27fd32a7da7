// db start | stop | status | url: hands the profile to the embedded server's command.
import { load } from '../../index.ts';
import { type DbAction, runDb } from '../db.ts';
import { TsdbtError } from '../../errors.ts';
import { type CommandSession, now } from '../command-session.ts';

export async function dbCommand(session: CommandSession): Promise<boolean> {
  const [action] = session.positional;
  if (action === undefined) throw new TsdbtError('usage', 'Error: Missing argument: start, stop, status or url.');
  const { cwd, env, flags, invocation, logger, secrets } = session;
  const { config } = await load({ cwd, env, flags, invocation, logger, secrets, now, pid: process.pid });
  const print = (msg: string): void =>
    logger.fire({ name: 'PrintEvent', code: 'Z052', level: 'info', msg, data: { msg } });
  const reveal = (msg: string, ...hidden: readonly string[]): void => {
    secrets.add(...hidden);
    logger.fire({ name: 'PrintEvent', code: 'Z052', level: 'info', msg, data: { msg }, revealed: true });
  };
  const notify = (msg: string): void => logger.fire({ name: 'Note', code: 'Z050', level: 'info', msg, data: { msg } });
  return (
    (await runDb(action as DbAction, {
      profile: config.profile,
      projectDir: config.project.project_root,
      print,
      reveal,
      notify,
    })) === 0
  );
}
