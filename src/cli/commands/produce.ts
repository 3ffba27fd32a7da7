// produce: runs the sample producer as a command.
import { resolve } from 'node:path';
import { errorOf } from '../../error-table.ts';
import { print } from '../../events/index.ts';
import { load } from '../../index.ts';
import type { LoadConnection } from '../../connections/kafka-connection.ts';
import type { MessageEncoder, ProduceFormat } from '../../loader/produce-format.ts';
import { produceFile } from '../../loader/producer.ts';
import { type CommandSession, now } from '../command-session.ts';
import { pause } from '../pause.ts';
import { readFileText } from '../../project/read-file.ts';
import { readConnection } from '../read-connection.ts';

export async function produceCommand(session: CommandSession): Promise<boolean> {
  const { cwd, env, templateEnv, flags, invocation, logger, secrets, signal } = session;
  const {
    topic,
    from,
    key,
    rate,
    partitions,
    broker,
    format = 'json',
    schema_file: schema,
    register = false,
  } = flags as {
    topic?: string | null;
    from?: string | null;
    key?: string | null;
    rate?: number | null;
    partitions?: number | null;
    broker?: string;
    format?: 'json' | 'json_schema' | 'avro';
    schema_file?: string | null;
    register?: boolean;
  };
  if (topic == null || from == null) throw errorOf('produceWithoutTopic', {});
  if (rate != null && rate <= 0)
    throw errorOf('badOptionValue', { option: '--rate', why: `${rate} is not a positive number.` });
  if (partitions != null && partitions <= 0)
    throw errorOf('badOptionValue', { option: '--partitions', why: `${partitions} is not a positive number.` });
  const { config, adapter } = await load({
    cwd,
    env,
    templateEnv,
    flags,
    invocation,
    logger,
    secrets,
    now,
    pid: process.pid,
  });
  await adapter.close();
  const connection = readConnection(session, config, broker ?? null);
  const path = resolve(cwd, from);
  const sent = await produceFile({
    connection,
    topic,
    path,
    encode: await encoder(connection, {
      topic,
      path,
      format,
      schema: schema == null ? null : readFileText(resolve(cwd, schema)),
      register,
    }),
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

/** Encoder of the messages; null for plain JSON. @throws `profile` error for a connection without a registry */
async function encoder(
  connection: LoadConnection,
  { format, ...options }: Omit<ProduceFormat, 'format'> & { readonly format: ProduceFormat['format'] | 'json' },
): Promise<MessageEncoder | null> {
  if (format === 'json') return null;
  if (connection.registry === null)
    throw errorOf('noRegistryToProduce', { connection: connection.name, format }, { path: connection.path });
  const { SchemaRegistry } = await import('../../loader/formats/schema-registry.ts');
  const { messageEncoder } = await import('../../loader/produce-format.ts');
  return messageEncoder(new SchemaRegistry(connection.registry, connection.path), { ...options, format });
}
