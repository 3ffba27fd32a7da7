// Creates the sink and the table options of each database: the loader's registry.
import type { Adapter } from '../adapters/adapter.ts';
import type { ClickHouseAdapter } from '../adapters/clickhouse/adapter.ts';
import { TsdbtError } from '../errors.ts';
import type { FitOf } from './settings/type-fit.ts';
import type { BrokerClient } from './brokers/broker.ts';
import type { LoadTarget } from './settings/load-target.ts';
import type { SharedSlot } from './postgres/replicate/shared-slot.ts';
import type { ReplicateConfig } from './settings/replicate-settings.ts';
import type { ArchiveLedger } from './archive/ledger.ts';
import { sqlFits } from './formats/avro/schema-resolution.ts';
import { columnFit } from './clickhouse/column-fit.ts';
import { ClickHouseArchiveLedger } from './clickhouse/archive-ledger.ts';
import { ClickHouseSink } from './clickhouse/sink.ts';
import { CLICKHOUSE_TABLE } from './clickhouse/table-options.ts';
import { PostgresArchiveLedger } from './postgres/archive-ledger.ts';
import { POSTGRES_TABLE } from './postgres/table-options.ts';
import { PostgresSink } from './postgres/sink.ts';
import type { Sealer } from './seal.ts';
import type { FaultPoint, Sink } from './sink.ts';
import type { SyncTarget } from './sync/config.ts';
import type { SyncPoint, TableSync } from './sync/sync.ts';
import type { TableOptions } from './settings/database-options.ts';

/** @throws `runtime` error that names the supported databases */
export function createSink(
  adapter: Adapter,
  sealer: Sealer,
  now: () => number,
  reached?: (point: FaultPoint) => void,
): Sink {
  if (adapter.type === 'postgres') return new PostgresSink(adapter, sealer, now, reached);
  if (isClickHouse(adapter)) return new ClickHouseSink(adapter, sealer, reached);
  throw new TsdbtError('runtime', `Loading into ${adapter.type} is not part of this version.`, {
    hint: 'A target of type postgres or clickhouse.',
  });
}

/** Creates the ledger of archives in the sink's database. */
export function createLedger(adapter: Adapter, tables: Sink): ArchiveLedger {
  const prepareState = (): Promise<void> => tables.prepareState();
  return isClickHouse(adapter)
    ? new ClickHouseArchiveLedger(adapter, prepareState)
    : new PostgresArchiveLedger(adapter, prepareState);
}

/**
 * Creates the sync of a table from one database to another.
 * @param from adapter of the source, closed with it
 * @throws `validation` error that names the supported databases
 */
export async function createSync(
  target: SyncTarget,
  from: Adapter,
  to: Adapter,
  reached?: (point: SyncPoint) => void,
  hashKey: string | null = null,
): Promise<TableSync> {
  const refuse = (what: string, hint: string): never => {
    throw new TsdbtError('validation', `${target.name} cannot be synced: ${what}, which is not part of this version`, {
      path: target.path,
      hint,
    });
  };
  if (from.type !== 'postgres') refuse(`from ${from.type}`, 'The source must be Postgres.');
  if (isClickHouse(to)) {
    const { ClickHouseSync } = await import('./clickhouse/sync.ts');
    return new ClickHouseSync(target, from, to, reached, hashKey);
  }
  if (to.type !== 'postgres') refuse(`into ${to.type}`, 'The target must be Postgres or ClickHouse.');
  const { PostgresSync } = await import('./postgres/sync.ts');
  return new PostgresSync(target, from, to, reached, hashKey);
}

/** The replication slots of a process. */
export class ReplicationSlots {
  readonly #slots = new Map<string, Promise<SharedSlot>>();
  readonly #targets: readonly LoadTarget[];
  readonly #sink: Pick<Sink, 'kept'>;

  /** @param targets every table of the project @throws `project` error if tables of a slot have other settings of it */
  constructor(targets: readonly LoadTarget[], sink: Pick<Sink, 'kept'>) {
    this.#targets = targets;
    this.#sink = sink;
    for (const target of targets) expectSameSlot(target, this.sharing(target)[0]);
  }

  /** The tables that share the slot of a table, itself included. */
  sharing({ connection, replicate }: LoadTarget): readonly LoadTarget[] {
    return this.#targets.filter((each) => each.connection === connection && each.replicate?.slot === replicate?.slot);
  }

  /**
   * Creates the client of a replicated table.
   * @param open the adapter of its source, which the client closes
   * @param loaded the tables that this process loads
   */
  async client(
    target: LoadTarget,
    replicate: ReplicateConfig,
    open: () => Promise<Adapter>,
    loaded: readonly LoadTarget[],
  ): Promise<BrokerClient> {
    const { ReplicationClient } = await import('./postgres/replicate/replication-client.ts');
    const { ReplicationSource } = await import('./postgres/replicate/replication-source.ts');
    const sharing = this.sharing(target);
    const key = `${target.connection} ${replicate.slot}`;
    const slot =
      this.#slots.get(key) ??
      import('./postgres/replicate/shared-slot.ts').then(
        ({ SharedSlot: Slot }) => new Slot(namesOf(sharing), namesOf(sharing.filter((each) => loaded.includes(each)))),
      );
    this.#slots.set(key, slot);
    const source = new ReplicationSource(open, replicate, target);
    return new ReplicationClient(source, await slot, target, () => lowestOf(this.#sink, sharing));
  }
}

function namesOf(targets: readonly LoadTarget[]): ReadonlySet<string> {
  return new Set(targets.map(({ name }) => name));
}

function expectSameSlot({ name, path, replicate }: LoadTarget, first: LoadTarget | undefined): void {
  const other = first?.replicate;
  if (replicate === undefined || other === undefined || first?.name === name) return;
  const options = {
    publication: replicate.publication === other.publication,
    max_slot_lag: replicate.maxSlotLag === other.maxSlotLag,
    on_slot_lag: replicate.dropsSlot === other.dropsSlot,
  };
  const different = Object.entries(options).flatMap(([option, same]) => (same ? [] : [option]));
  if (different.length > 0)
    throw new TsdbtError(
      'project',
      `${name} shares slot '${replicate.slot}' with ${first?.name}, and has another ${different.join(', ')}.`,
      { path, hint: 'Set the same for all tables of the slot, for example in the config of their source.' },
    );
}

/** The table with the lowest position, and why it is not being loaded. */
async function lowestOf(sink: Pick<Sink, 'kept'>, targets: readonly LoadTarget[]): Promise<string | null> {
  let lowest: { readonly text: string; readonly next: bigint } | null = null;
  for (const target of targets) {
    const { positions, paused, failure } = await sink.kept(target);
    const [position] = positions.values();
    const next = position?.next ?? 0n;
    if (lowest !== null && next >= lowest.next) continue;
    const state = paused !== null ? 'paused' : failure !== null ? 'stopped' : next === 0n ? 'not loaded yet' : null;
    lowest = { text: state === null ? target.name : `${target.name} (${state})`, next };
  }
  return lowest?.text ?? null;
}

/** Importing the class would load the driver, whatever the profile's database is. */
function isClickHouse(adapter: Adapter): adapter is ClickHouseAdapter {
  return adapter.type === 'clickhouse';
}

/** @param type an adapter's; a database that cannot be loaded into has Postgres's options */
export function tableOptions(type: string): TableOptions {
  return type === 'clickhouse' ? CLICKHOUSE_TABLE : POSTGRES_TABLE;
}

/** What columns accept according to their declared types. @param type an adapter's */
export function columnFits(type: string): FitOf {
  return type === 'clickhouse' ? columnFit : sqlFits;
}
