// Compactions of an archive for tests: small files over two days, and what readers find who go by names.
import { type Compacted, type CompactOptions, compactArchive } from '../../../src/loader/archive/compact.ts';
import { rangeOf } from '../../../src/loader/settings/archive-settings.ts';
import type { ObjectStore } from '../../../src/object-store/store.ts';
import type { Archive } from './archive-lab.ts';
import { LoadLab, upTo } from './load-lab.ts';

export const HOUR = 3_600_000;
export const START = Date.parse('2026-05-01T20:00:00Z');
/** All days of the messages are over by then. */
export const LATER = Date.parse('2026-06-01T00:00:00Z');
export const AT_ONCE = { afterMs: HOUR, keepMs: 0, bytes: 1e9 };
let owners = 0;

export function compact(archive: Archive, more: Partial<CompactOptions> = {}): Promise<Compacted> {
  return compactArchive({
    ...{ target: archive.target, ledger: archive.ledger(), store: archive.store, owner: `owner-${++owners}` },
    ...{ compact: AT_ONCE, signal: new AbortController().signal, now: () => LATER },
    ...more,
  });
}

/** Puts so many messages into two partitions, some an hour, and loads them into small files. */
export async function filled(archive: Archive, count = 60, everyMs = HOUR / 4): Promise<void> {
  archive.broker.batch = 5;
  for (const i of upTo(count)) archive.broker.produce('t', i % 2, { id: i }, { timestamp: START + i * everyMs });
  await archive.load();
}

/** The ids that who goes by names finds: a file is left out where one of its whole day stands for it. */
export function idsByName(archive: Archive, keys: readonly string[]): Promise<number[]> {
  const dayOf = (key: string): string => /\d{4}-\d\d-\d\d/.exec(key)?.[0] ?? '';
  const covered = (key: string): boolean => {
    const file = rangeOf(key);
    return keys.some((other) => {
      const by = rangeOf(other);
      if (by === null || file === null || !by.joined || file.joined || dayOf(other) !== dayOf(key)) return false;
      return by.partition === file.partition && by.from <= file.from && file.to <= by.to;
    });
  };
  return archive.ids((key) => !covered(key)).then((ids) => ids.map(Number).sort((a, b) => a - b));
}

export const joinedOf = (keys: readonly string[]): string[] => keys.filter((key) => rangeOf(key)?.joined === true);
export const singleOf = (keys: readonly string[]): string[] => keys.filter((key) => rangeOf(key)?.joined === false);

/** Rows that count by the ledger. */
export async function rowsCounted({ lab, path, target }: Archive): Promise<number> {
  const final = lab instanceof LoadLab ? '' : ' final';
  const sum = lab instanceof LoadLab ? 'sum(rows)::text' : 'sum(rows)';
  const [row] = await lab.rows(
    `select ${sum} from tsdbt.archive_files${final} where status = 'done' and key like '${path}%' and ` +
      `relation like '%${target.identifier}%'`,
  );
  return Number(row?.[0]);
}

/** A moment that a test waits for. */
export class Moment {
  readonly come: Promise<void>;
  now: () => void = () => undefined;

  constructor() {
    this.come = new Promise((resolve) => {
      this.now = resolve;
    });
  }
}

/** The archive's store; it tells `slept` and waits for `woken` before each write, or after each listing or deletion. */
export function sleepyStore(
  { store }: Archive,
  slept: Moment,
  woken: Moment,
  where: 'put' | 'list' | 'delete' = 'put',
): ObjectStore {
  const sleep = async (): Promise<void> => {
    slept.now();
    await woken.come;
  };
  return Object.assign(Object.create(store) as ObjectStore, {
    settings: store.settings,
    ...Object.fromEntries((['get', 'part', 'head', 'check'] as const).map((name) => [name, store[name].bind(store)])),
    async *list(prefix: string) {
      yield* store.list(prefix);
      if (where === 'list') await sleep();
    },
    async delete(key: string) {
      await store.delete(key);
      if (where === 'delete') await sleep();
    },
    async put(...given: Parameters<ObjectStore['put']>) {
      if (where === 'put') await sleep();
      return store.put(...given);
    },
  });
}

/** Makes the claims of all compactions an hour old. */
export async function ageClaims({ lab }: Archive): Promise<void> {
  if (lab instanceof LoadLab) {
    await lab.rows("update tsdbt.archive_claims set claimed_at = claimed_at - interval '1 hour' returning 1");
    return;
  }
  const every = "from tsdbt.load_flushes where relation like '%.archive.compact`'";
  // A claim that is renewed meanwhile stays.
  const known = (await lab.rows(`select distinct id ${every}`)).map(([id]) => `'${id}'`);
  if (known.length === 0) return;
  const claims = `${every} and id in (${known.join(', ')})`;
  await lab.run(
    `insert into tsdbt.load_flushes select * replace (written_at - interval 1 hour as written_at) ${claims}`,
  );
  await lab.run(`delete ${claims} and written_at > now64(6) - interval 30 minute`);
}

/** How many claims of an archive are held that no killed process has left. */
export async function youngClaims({ lab, target }: Archive): Promise<number> {
  const of = `relation like '%${target.identifier}%'`;
  const [row] = await lab.rows(
    lab instanceof LoadLab
      ? `select count(*) from tsdbt.archive_claims where ${of} and claimed_at > now() - interval '1 minute'`
      : `select uniq(relation) from tsdbt.load_flushes where ${of} and relation like '%.archive.compact\`' and ` +
          'written_at > now64(6) - interval 1 minute',
  );
  return Number(row?.[0]);
}
