// produce: the sample producer as a command.
import { resolve } from 'node:path';
import { errorOf } from '../../error-table.ts';
import { print } from '../../events/index.ts';
import { load } from '../../index.ts';
import { produceFile } from '../../loader/producer.ts';
import { type CommandSession, now } from '../command-session.ts';
import { pause } from '../pause.ts';
import { readConnection } from '../read-connection.ts';

export async function produceCommand(session: CommandSession): Promise<boolean> {
  const { cwd, env, flags, invocation, logger, secrets, signal } = session;
  const { topic, from, key, rate, partitions, broker } = flags as {
    topic?: string | null;
    from?: string | null;
    key?: string | null;
    rate?: number | null;
    partitions?: number | null;
    broker?: string;
  };
  if (topic == null || from == null) throw errorOf('produceWithoutTopic', {});
  if (rate != null && rate <= 0)
    throw errorOf('badOptionValue', { option: '--rate', why: `${rate} is not a positive number.` });
  if (partitions != null && partitions <= 0)
    throw errorOf('badOptionValue', { option: '--partitions', why: `${partitions} is not a positive number.` });
  const { config, adapter } = await load({ cwd, env, flags, invocation, logger, secrets, now, pid: process.pid });
  await adapter.close();
  const sent = await produceFile({
    connection: readConnection(session, config, broker ?? null),
    topic,
    path: resolve(cwd, from),
    key: key ?? null,
    rate: rate ?? null,
    partitions: partitions ?? null,
    signal,
    now,
    pause: (ms) => pause(ms, signal),
  });
  const msg = `${sent} message${sent === 1 ? '' : 's'} produced to ${topic}`;
  print(logger, msg);
  return !signal.aborted;
}
