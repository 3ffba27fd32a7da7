// load and its actions: resolves targets and connection, and reports progress. src/loader loads the data.
import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import type { SourceDefinition } from '../../contracts/node.ts';
import { errorOf } from '../../error-table.ts';
import { inOneLine, TsdbtError } from '../../errors.ts';
import { print } from '../../events/index.ts';
import { openAdapter, type ParsedProject, select } from '../../index.ts';
import { isArchive, withArchive } from '../../loader/settings/archive-settings.ts';
import type { BrokerClient } from '../../loader/brokers/broker.ts';
import type { Contract } from '../../loader/avro/contract.ts';
import { checkTarget } from '../../loader/check.ts';
import type { LoadConnection } from '../../connections/kafka-connection.ts';
import { columnFits, createLedger, createSink, ReplicationSlots, tableOptions } from '../../loader/create-sink.ts';
import { type Decoder, jsonDecoder } from '../../loader/formats/message-decoder.ts';
import { fileClient, fileTopic } from '../../loader/brokers/file-client.ts';
import { type LoadTarget, loadTarget } from '../../loader/settings/load-target.ts';
import { Loader } from '../../loader/loader.ts';
import { LoadMetrics, serveMetrics } from '../../loader/metrics.ts';
import { Pulse } from '../../loader/pulse.ts';
import { replayLetters } from '../../loader/replay.ts';
import { refuseNoPlace, rewindTo } from '../../loader/rewind.ts';
import type { SchemaRegistry } from '../../loader/formats/schema-registry.ts';
import { Sealer } from '../../loader/seal.ts';
import type { FaultPoint, Sink } from '../../loader/sink.ts';
import { watchSlot } from '../../loader/slot-watch.ts';
import type { LoadEvent } from '../../loader/events.ts';
import { loadStatus } from '../../loader/status.ts';
import { superviseTable } from '../../loader/supervise.ts';
import type { TableOptions } from '../../loader/settings/database-options.ts';
import type { SyncPoint } from '../../loader/sync/sync.ts';
import { type SyncTarget, syncTarget } from '../../loader/sync/config.ts';
import { ofTopic, sharedTopic, topicNames } from '../../loader/settings/target-topics.ts';
import { type CommandSession, now } from '../command-session.ts';
import { placed } from '../place-of-load.ts';
import { LoadProgress } from '../load-progress.ts';
import { collectGarbage, collectSeldom } from '../collect-garbage.ts';
import { pause } from '../pause.ts';
import { allowedHosts } from '../port.ts';
import { readConnection, readDatabase, readStore } from '../read-connection.ts';
import { compactNow, keepCompacted, lacks } from './load-compact.ts';
import { pauseTables } from './load-pause.ts';
import { repairArchives } from './load-repair.ts';
import { checkSyncs, keepSyncedNow } from './load-sync.ts';
import { showStatus } from './load-status.ts';
import { loadAndParse } from './run.ts';

/** Actions that also work on tables of other databases. */
const SYNC_ACTIONS: readonly (string | undefined)[] = [undefined, 'check', 'status'];
const OF_TOPIC = 'a table that a topic fills';
const HASH_KEY = 'TSDBT_HASH_KEY';
/** For tests: `before_commit`, `before_commit:3` (the third time), `before_commit:1:SIGSTOP`. */
const FAULT_POINT = 'TSDBT_FAULT_POINT';

/** The context of every action of the command. */
export interface LoadContext {
  readonly session: CommandSession;
  readonly parsed: ParsedProject;
  readonly targets: readonly LoadTarget[];
  readonly syncs: readonly SyncTarget[];
  readonly sink: Sink;
  readonly slots: ReplicationSlots;
  readonly reached: (point: FaultPoint | SyncPoint) => void;
  readonly hashKey: string | null;
  readonly say: (message: string) => void;
  /** Creates the sink of a target: its table, or its archive. */
  readonly sinkOf: (target: LoadTarget) => Promise<Sink>;
  readonly client: (target: LoadTarget) => Promise<BrokerClient>;
  /** Creates the decoder of a target. Files contain plain JSON, whatever the topic's format. */
  readonly decoder: (target: LoadTarget) => Promise<Decoder>;
  readonly registry: (target: LoadTarget) => Promise<SchemaRegistry | null>;
}

/** `load` as a separate process. */
export function loadAlone(session: CommandSession): Promise<boolean> {
  collectSeldom();
  return loadCommand(session);
}

/** @param onMetrics receives the metrics of the loaders before they start */
export async function loadCommand(
  session: CommandSession,
  onMetrics: (metrics: LoadMetrics) => void = () => undefined,
): Promise<boolean> {
  const parsed = await loadAndParse(session);
  try {
    const [action] = session.positional;
    refuseUseless(session, action);
    const ctx = context(session, parsed);
    switch (action) {
      case undefined:
        return await loadAll(ctx, onMetrics);
      case 'status':
        return await showStatus(ctx);
      case 'pause':
      case 'resume':
        return await pauseTables(ctx, action === 'pause');
      case 'rewind':
        return await rewind(ctx);
      case 'replay-dlq':
        return await replay(ctx);
      case 'compact':
        return await compactNow(ctx);
      case 'repair':
        return await repairArchives(ctx);
      default:
        return await check(ctx);
    }
  } finally {
    await parsed.adapter.close();
  }
}

/** @throws `usage` error for an option of another action, which would otherwise be ignored */
function refuseUseless({ flags }: CommandSession, action: string | undefined): void {
  if (typeof flags['to'] === 'string' && action !== 'rewind' && action !== 'repair')
    throw errorOf('optionUseless', { option: '--to', needs: '`load rewind` or `load repair`' });
  if (flags['yes'] === true && action !== 'repair')
    throw errorOf('optionUseless', { option: '--yes', needs: '`load repair`' });
}

/**
 * Returns the lag in seconds of the loaders of these sources; a text gives the reason if it is unknown.
 * @throws {TsdbtError} if the settings of a source cannot be read
 */
export async function loaderLags(
  session: CommandSession,
  parsed: ParsedProject,
  sources: ReadonlySet<string>,
): Promise<ReadonlyMap<string, number | string>> {
  const ctx = context(session, parsed, sources);
  const lags = new Map<string, number | string>();
  for (const target of ctx.targets) {
    const { partitions, problems } = await loadStatus(ctx.sink, () => ctx.client(target), target, now());
    const seconds = partitions.flatMap(({ lagSeconds }) => (lagSeconds === null ? [] : [lagSeconds]));
    const known = problems.length === 0 && seconds.length > 0;
    lags.set(target.uniqueId, known ? Math.max(...seconds) : (problems[0] ?? 'its topics have no partitions yet'));
  }
  return lags;
}

/** The target table of a source that is not selected. */
function loadedBy(source: SourceDefinition, tables: TableOptions): readonly (LoadTarget | SyncTarget)[] {
  try {
    const sync = syncTarget(source);
    const target = sync === null ? loadTarget(source, tables) : null;
    return [...(sync === null ? [] : [sync]), ...(target === null ? [] : withArchive(target))];
  } catch (error) {
    // Its config is validated when it is selected: nothing loads it before.
    if (error instanceof TsdbtError) return [];
    throw error;
  }
}

function tableOf({ schema, identifier }: LoadTarget | SyncTarget): string {
  return `${schema}.${identifier}`;
}

/** @param sources by unique_id, instead of the selected ones */
function context(session: CommandSession, parsed: ParsedProject, sources?: ReadonlySet<string>): LoadContext {
  const { env, logger, flags } = session;
  const selected = sources ?? select(parsed, { accepts: (id) => parsed.manifest.sources[id] !== undefined }).selected;
  const from = (flags['from'] ?? undefined) as string | undefined;
  const tables = tableOptions(parsed.adapter.type);
  const targets: LoadTarget[] = [];
  const syncs: SyncTarget[] = [];
  for (const id of selected) {
    const source = parsed.manifest.sources[id];
    const sync = source === undefined ? null : placed(parsed.config, source, () => syncTarget(source));
    if (sync !== null && from === undefined) syncs.push(sync);
    const target =
      source === undefined || sync !== null ? null : placed(parsed.config, source, () => loadTarget(source, tables));
    if (target === null) continue;
    if (from === undefined) targets.push(...withArchive(target));
    // Archived messages come from the topic.
    else if (isStoreUrl(from)) targets.push({ ...target, start: 'earliest' });
    else targets.push({ ...ofTopic(target, fileTopic(from)), start: 'earliest' });
  }
  if (targets.length === 0 && syncs.length === 0) throw errorOf('nothingToLoad', {});
  if (targets.length === 0 && !SYNC_ACTIONS.includes(session.positional[0])) throw lacks(session, OF_TOPIC, syncs);
  for (const [i, target] of targets.entries()) {
    for (const twin of targets.slice(0, i)) {
      if (tableOf(twin) !== tableOf(target)) continue;
      const topic = sharedTopic(twin, target);
      if (topic !== null)
        throw errorOf(
          'topicLoadedTwice',
          { one: twin.name, two: target.name, topic, table: tableOf(target) },
          { path: target.path },
        );
    }
  }
  // Another process may load the sources that are not selected.
  const others = Object.values(parsed.manifest.sources).filter((source) => !selected.has(source.unique_id));
  const loadedByOthers = others.flatMap((source) => loadedBy(source, tables));
  const writers = new Map(loadedByOthers.map((each) => [tableOf(each), each.name]));
  for (const each of [...targets, ...syncs]) {
    const [table, { name, path }] = [tableOf(each), each];
    const one = writers.get(table);
    if (one !== undefined) throw errorOf('tableLoadedTwice', { one, two: name, table }, { path });
    writers.set(table, name);
  }
  const hashKey = env[HASH_KEY] ?? null;
  const hidden =
    targets.find((target) => target.hash.length > 0 || target.drop.length > 0) ??
    syncs.find((sync) => sync.hash.length > 0);
  if (hidden !== undefined && (hashKey === null || hashKey === '')) {
    throw errorOf('noHashKey', { source: hidden.name, variable: HASH_KEY }, { path: hidden.path });
  }
  const sealer = new Sealer(hashKey);
  const connections = new Map<string, LoadConnection>();
  const reached = faultPoint(env[FAULT_POINT]);
  const connectionOf = (target: LoadTarget): LoadConnection => {
    const connection = connections.get(target.connection) ?? readConnection(session, parsed.config, target.connection);
    connections.set(target.connection, connection);
    return connection;
  };
  const registry = async (target: LoadTarget): Promise<SchemaRegistry | null> => {
    const file = from !== undefined && !isStoreUrl(from);
    if (target.format === 'json' || file || isArchive(target) || target.replicate !== undefined) return null;
    const connection = connectionOf(target);
    // Change events may be JSON, which needs no registry.
    if (connection.registry === null && target.format === 'debezium') return null;
    if (connection.registry === null)
      throw errorOf(
        'noSchemaRegistry',
        { source: target.name, connection: connection.name, format: target.format },
        { path: connection.path },
      );
    const { SchemaRegistry: RegistryClass } = await import('../../loader/formats/schema-registry.ts');
    return new RegistryClass(connection.registry, connection.path);
  };
  const sink = createSink(parsed.adapter, sealer, now, reached);
  const replicated = [...targets, ...loadedByOthers].flatMap((each) =>
    'replicate' in each && each.replicate !== undefined ? [each] : [],
  );
  const slots = new ReplicationSlots(replicated, sink);
  return {
    session,
    parsed,
    targets,
    syncs,
    hashKey,
    reached,
    sink,
    slots,
    async sinkOf(target) {
      if (!isArchive(target)) return sink;
      const store = await readStore(session, parsed.config, target.archive.connection);
      const { ArchiveSink } = await import('../../loader/archive/sink.ts');
      return new ArchiveSink(sink, createLedger(parsed.adapter, sink), store, reached);
    },
    say: (msg) => print(logger, msg),
    async client(target) {
      if (from !== undefined && isStoreUrl(from)) return replayClient(session, parsed, target, from);
      if (from !== undefined)
        return fileClient(resolve(session.cwd, from), (column) =>
          target.columns.some(({ name, type }) => name === column && /^jsonb?$/i.test(type.trim())),
        );
      const { replicate } = target;
      if (replicate !== undefined) {
        const profile = readDatabase(session, parsed.config, target.connection);
        const open = () => openAdapter({ ...parsed.config, profile }, session.env, session.logger);
        return slots.client(target, replicate, open, targets);
      }
      const connection = connectionOf(target);
      const { kafkaClient } = await import('../../loader/brokers/kafka/kafka-client.ts');
      return kafkaClient(
        connection,
        `tsdbt.${parsed.config.project.project_name}.${parsed.config.profile.target_name}.${target.name}`.replace(
          /\s/g,
          // The client does not accept spaces in a group name.
          encodeURIComponent,
        ),
      );
    },
    registry,
    async decoder(target) {
      const schemas = await registry(target);
      if (target.format === 'debezium')
        return (await import('../../loader/formats/debezium/debezium-decoder.ts')).changeDecoder(schemas, target, now);
      if (schemas === null) return jsonDecoder;
      if (target.format === 'avro')
        return (await import('../../loader/formats/avro/avro-decoder.ts')).avroDecoder(
          schemas,
          target,
          now,
          columnFits(parsed.adapter.type),
        );
      return (await import('../../loader/formats/json-schema/json-schema.ts')).schemaDecoder(schemas, now);
    },
  };
}

/** `s3://bucket/path`, or a file. */
function isStoreUrl(from: string): boolean {
  return /^s3:\/\//i.test(from);
}

/** Replays what the archive of a table contains. @throws `usage` error if the table has no archive there */
async function replayClient(
  session: CommandSession,
  { config }: ParsedProject,
  target: LoadTarget,
  from: string,
): Promise<BrokerClient> {
  const { archive } = target;
  if (archive === undefined || target.topics !== undefined)
    throw errorOf('badOptionValue', {
      option: '--from',
      why:
        archive === undefined
          ? `source ${target.name} has no 'archive', whose connection would read ${from}.`
          : `source ${target.name} has several topics, and an archive is loaded topic by topic.`,
    });
  const [, bucket = '', prefix = ''] = /^s3:\/\/([^/]*)\/?(.*)$/i.exec(from) ?? [];
  const store = await readStore(session, config, archive.connection);
  if (bucket !== store.settings.bucket)
    throw errorOf('badOptionValue', {
      option: '--from',
      why: `connection '${archive.connection}' of the archive has bucket '${store.settings.bucket}', not '${bucket}'.`,
    });
  const { archiveClient } = await import('../../loader/archive/replay-client.ts');
  return archiveClient(store, prefix, target.topic, archive.path);
}

/** Ends or stops this process at a fault point that a test requests. */
function faultPoint(wanted: string | undefined): (point: FaultPoint | SyncPoint) => void {
  if (wanted === undefined) return () => undefined;
  const [name, times = '1', signal = 'SIGKILL'] = wanted.split(':');
  let left = Number(times);
  return (point) => {
    if (point === name && --left === 0) process.kill(process.pid, signal);
  };
}

async function loadAll(ctx: LoadContext, onMetrics: (metrics: LoadMetrics) => void): Promise<boolean> {
  const { session, targets, say } = ctx;
  const file = session.flags['from'] != null;
  const once = session.flags['once'] === true || file;
  if (file && targets.length > 1) {
    throw errorOf('fileIntoManyTables', { count: targets.length, names: targets.map(({ name }) => name).join(', ') });
  }
  const loadId = session.invocation.invocation_id || randomUUID();
  const began = now();
  const metrics = new LoadMetrics(targets, now);
  onMetrics(metrics);
  const { metrics_port: port = null, metrics_host: host = '127.0.0.1' } = session.flags as {
    metrics_port?: number | null;
    metrics_host?: string;
  };
  if (port !== null && !(port >= 0 && port < 65_536))
    throw errorOf('badOptionValue', { option: '--metrics-port', why: `${port} is not a port.` });
  const names = allowedHosts(session.flags['allowed_hosts']);
  const server = port === null ? null : await serveMetrics(metrics, port, host, names);
  if (server !== null) say(`Metrics at ${server.url}/metrics`);
  // Plain lines: a progress line must not overwrite debug output or a JSON log.
  const { flags } = session;
  const plain =
    flags.quiet || flags.debug || !['info', 'warn'].includes(flags.log_level) || flags.log_format === 'json';
  const progress = new LoadProgress(
    session.logger,
    metrics,
    process.stdout.isTTY && !plain ? process.stdout : null,
    targets.length > 1,
  );
  const pulse = new Pulse(ctx.sink, now);
  const timeoutMs = durationOf(flags['timeout']);
  const wait = (ms: number): Promise<void> => pause(ms, session.signal);
  // Errors of this process's own settings are reported before anything is loaded.
  if (!file) await Promise.all(targets.map(async (target) => (await ctx.client(target)).close()));
  collectGarbage();
  const syncing = Promise.allSettled(ctx.syncs.map((sync) => keepSyncedNow(ctx, sync, once, wait)));
  const ended = new AbortController();
  const signal = AbortSignal.any([session.signal, ended.signal]);
  const compacting = Promise.allSettled(once ? [] : [keepCompacted(ctx, targets, { once, signal })]);
  const observe = (event: LoadEvent): void => progress.observe(event);
  const watching = Promise.allSettled(
    targets.map(async (target) => {
      if (once || target.replicate === undefined) return;
      const sharing = ctx.slots.sharing(target).filter((each) => targets.includes(each));
      // One of the tables that share a slot watches it for all.
      if (sharing[0] !== target) return;
      const client = await ctx.client(target);
      await watchSlot({ sharing, client, signal, pause: (ms) => pause(ms, signal), notify: observe });
    }),
  );
  const results = await Promise.allSettled(
    targets.map(async (target) => {
      const sink = await ctx.sinkOf(target);
      return superviseTable({
        target,
        sink,
        once,
        signal: session.signal,
        pause: wait,
        notify: observe,
        make: async (notify, signal, paused) =>
          new Loader({
            target,
            client: await ctx.client(target),
            sink,
            decoder: isArchive(target) ? jsonDecoder : await ctx.decoder(target),
            loadId,
            hashKey: ctx.hashKey,
            once,
            timeoutMs,
            signal,
            paused,
            now,
            notify,
            pause: wait,
            pulse,
            reached: ctx.reached,
          }),
      });
    }),
  );
  const synced = await syncing;
  progress.stop();
  server?.close();
  let ok = true;
  results.forEach((result, i) => {
    const target = targets[i]!;
    if (result.status === 'fulfilled') {
      const { rows, dead, stopped, unfinished, paused } = result.value;
      if (paused !== undefined) say(`${target.name}: paused since ${paused}, nothing is loaded until \`load resume\``);
      if (unfinished)
        say(`${target.name}: stopped before the database took what had been read; the next load reads it again`);
      say(
        `${target.name}: ${rows} row${rows === 1 ? '' : 's'} ` +
          `loaded${dead === 0 ? '' : `, ${dead} dead letter${dead === 1 ? '' : 's'} (tsdbt.dead_letters)`} in ` +
          `${((now() - began) / 1000).toFixed(1)}s`,
      );
      if (stopped.length > 0) ok = false;
    }
  });
  const loaded = targets.filter((_, i) => results[i]?.status === 'fulfilled');
  if (once) await keepCompacted(ctx, loaded, { once, signal });
  ended.abort();
  await watching;
  const failed = [...results, ...synced, ...(await compacting)].find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return ok;
}

/** @throws `usage` error */
function durationOf(value: unknown): number {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h)?$/.exec(String(value ?? '5m').trim());
  const ms =
    match === null
      ? Number.NaN
      : Number(match[1]) * ({ ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[match[2] ?? 's'] ?? 1000);
  if (!(ms > 0 && ms < 2 ** 31))
    throw errorOf('badOptionValue', {
      option: '--timeout',
      why: `'${String(value)}' is no duration such as 30s, 5m or 1h.`,
    });
  return ms;
}

async function rewind(ctx: LoadContext): Promise<boolean> {
  const to = ctx.session.flags['to'];
  if (typeof to !== 'string' || to === '') throw errorOf('rewindWithoutPlace', {});
  const tables = tablesOf(ctx);
  for (const target of tables) refuseNoPlace(target, to);
  for (const target of tables) {
    const client = await ctx.client(target);
    try {
      const { next, rows, letters } = await rewindTo(client, ctx.sink, target, to);
      for (const [partition, offset] of next) ctx.say(`${target.name}  ${partition}  next ${offset}`);
      if (rows + letters > 0)
        ctx.say(
          `${target.name}  ${rows} row${rows === 1 ? '' : 's'} and ${letters} dead ` +
            `letter${letters === 1 ? '' : 's'} from there on deleted`,
        );
    } finally {
      await client.close();
    }
  }
  return true;
}

/**
 * Returns the targets that are tables: an archive has no dead letters and cannot be rewound. @throws if there is none
 */
function tablesOf({ session, targets }: LoadContext): readonly LoadTarget[] {
  const tables = targets.filter((target) => !isArchive(target));
  if (tables.length === 0) throw lacks(session, OF_TOPIC, targets);
  return tables;
}

async function replay(ctx: LoadContext): Promise<boolean> {
  for (const target of tablesOf(ctx)) {
    const { rows, dead } = await replayLetters({
      sink: ctx.sink,
      decoder: await ctx.decoder(target),
      target,
      hashKey: ctx.hashKey,
      loadId: ctx.session.invocation.invocation_id,
      now,
    });
    ctx.say(`${target.name}: ${rows} of ${rows + dead} dead letters loaded`);
  }
  return true;
}

async function check(ctx: LoadContext): Promise<boolean> {
  let ok = await checkSyncs(ctx);
  for (const target of ctx.targets) {
    let problems: readonly string[];
    let notes: readonly string[] = [];
    try {
      const client = await ctx.client(target);
      try {
        const sink = await ctx.sinkOf(target);
        problems = await checkTarget(sink, client, target);
        notes = problems.length > 0 ? [] : ((await sink.notes?.(target)) ?? []);
        if (target.format === 'debezium' && target.replicate === undefined && !isArchive(target)) {
          const { sampleChanges } = await import('../../loader/debezium/sample.ts');
          const sampled = await sampleChanges(client, await ctx.decoder(target), target);
          problems = [...problems, ...sampled.problems];
          notes = [...notes, ...sampled.notes];
        }
        const registry = await ctx.registry(target);
        for (const topic of registry === null ? [] : await topicNames(client, target)) {
          const found = await contractOf(ctx, registry, ofTopic(target, topic));
          problems = [...problems, ...found.problems];
          notes = [...notes, ...found.notes];
        }
      } finally {
        await client.close();
      }
    } catch (error) {
      if (!(error instanceof TsdbtError)) throw error;
      problems = [inOneLine(error), ...whereOf(error)].flatMap((problem) => problem.split('\n'));
    }
    ctx.say(`${target.name}: ${problems.length === 0 ? 'OK' : 'not ready'}`);
    for (const problem of problems) ctx.say(`  ${problem}`);
    for (const note of notes) ctx.say(`  Note: ${note}`);
    if (problems.length > 0) ok = false;
  }
  return ok;
}

/** The position in connections.yml, for errors. */
function whereOf({ details: { path, line, column } }: TsdbtError): string[] {
  if (path === undefined || line === undefined) return [];
  return [`  ${path} line ${line}${column === undefined ? '' : `, column ${column}`}`];
}

/** Describes why schemas in the registry cannot be converted to rows. */
async function contractOf(
  { parsed, sink }: LoadContext,
  registry: SchemaRegistry | null,
  target: LoadTarget,
): Promise<Contract> {
  if (target.format === 'avro' && registry !== null) {
    const contract = await import('../../loader/avro/contract.ts');
    const fits = columnFits(parsed.adapter.type);
    return contract.contractOf(registry, target, { fits, filled: (await sink.filled?.(target)) ?? new Set() });
  }
  await registry?.check(`${target.topic}-value`);
  return { problems: [], notes: [] };
}
