// Plans the compaction of a partition: which files of closed days are joined into which, and which joined inputs can be
// deleted. A function of the ledger; compact.ts runs it.
import { type ArchiveConfig, type CompactConfig, formatOf, joinedKey, rangeOf } from '../settings/archive-settings.ts';
import { dayOf } from './layout.ts';
import type { KeptFile, KeptFiles, PlannedFile } from './ledger.ts';

const DAY_MS = 86_400_000;
/** The maximum number of files that are joined into one. */
const MOST_FILES = 2000;

/** A file that is going to replace others. */
export interface Join {
  readonly file: PlannedFile;
  readonly day: string;
  readonly inputs: readonly KeptFile[];
  /** Whether it is already recorded. */
  readonly begun: boolean;
}

/** A joined file, and those that it replaces. */
export interface Covered {
  readonly by: KeptFile;
  readonly files: readonly KeptFile[];
}

/** The work on a partition. */
export interface CompactPlan {
  readonly joins: readonly Join[];
  /** Joined files whose inputs may be deleted now. */
  readonly due: readonly Covered[];
  /** Those whose inputs are still kept for readers. */
  readonly waiting: readonly Covered[];
}

/**
 * @param archive of the target
 * @param compact null: what was begun is completed, and nothing new is joined
 * @param now milliseconds since 1970
 */
export function planCompaction(
  { files, openFrom }: KeptFiles,
  archive: ArchiveConfig,
  compact: CompactConfig | null,
  { keepMs, now }: { readonly keepMs: number; readonly now: number },
): CompactPlan {
  const days = new Map<string, KeptFile[]>();
  for (const file of files) {
    const day = dayOf(file.key, archive.path, file.topic);
    if (day !== null) days.set(day, [...(days.get(day) ?? []), file]);
  }
  const joins: Join[] = [];
  const due: Covered[] = [];
  const waiting: Covered[] = [];
  for (const [day, ofDay] of days) {
    const single = ofDay.filter(({ key }) => rangeOf(key)?.joined === false);
    const taken = new Set<KeptFile>();
    for (const by of ofDay) {
      if (single.includes(by)) continue;
      const inputs = single.filter((file) => covers(by, file));
      for (const file of inputs) taken.add(file);
      if (by.status === 'joining') joins.push({ file: by, day, inputs, begun: true });
      else if (inputs.length > 0) (by.ageMs >= keepMs ? due : waiting).push({ by, files: inputs });
    }
    if (compact === null || Date.parse(day) + DAY_MS + compact.afterMs > now) continue;
    const left = single.filter((file) => !taken.has(file) && (openFrom === null || file.to <= openFrom));
    const joined = ofDay.filter((file) => !single.includes(file));
    for (const inputs of groupsOf(left, joined, compact.bytes)) joins.push(newJoin(inputs, archive, day));
  }
  return { joins, due, waiting };
}

/**
 * Groups the files to join: of one format, within the size limit, all files of a range, and without another file's
 * range in between, as the joined file would replace that one, too. A single file is kept.
 * @param joined of the same day
 */
function groupsOf(files: readonly KeptFile[], joined: readonly KeptFile[], bytes: number): KeptFile[][] {
  const groups: KeptFile[][] = [];
  let group: KeptFile[] = [];
  let size = 0;
  const close = (): void => {
    if (group.length > 1) groups.push(group);
    [group, size] = [[], 0];
  };
  const ranges = new Map<string, KeptFile[]>();
  for (const file of files) {
    const name = `${file.from}-${file.to}`;
    ranges.set(name, [...(ranges.get(name) ?? []), file]);
  }
  for (const [head, ...others] of ranges.values()) {
    if (head === undefined) continue;
    const format = formatOf(head.key);
    // A range with two formats was interrupted between them: it is not joined.
    if (others.some(({ key }) => formatOf(key) !== format) || joined.some((file) => overlap(file, head))) {
      close();
      continue;
    }
    const own = [head, ...others].reduce((sum, file) => sum + (file.size ?? 0), 0);
    const { key = head.key, from = head.from } = group[0] ?? {};
    const apart = formatOf(key) !== format || joined.some((file) => overlap(file, { from, to: head.to }));
    if (apart || size + own > bytes || group.length + 1 + others.length > MOST_FILES) close();
    group.push(head, ...others);
    size += own;
  }
  close();
  return groups;
}

/** Whether two ranges have an offset in common. */
export function overlap(one: Pick<PlannedFile, 'from' | 'to'>, other: Pick<PlannedFile, 'from' | 'to'>): boolean {
  return one.from < other.to && other.from < one.to;
}

function newJoin(inputs: readonly KeptFile[], archive: ArchiveConfig, day: string): Join {
  const [first] = inputs;
  const last = inputs.at(-1);
  if (first === undefined || last === undefined) throw new RangeError('nothing is joined');
  const { topic, partition, from } = first;
  const place = { topic, partition, from, to: last.to };
  const key = joinedKey({ archive: { ...archive, format: formatOf(first.key) } }, place, day);
  const sum = (of: (file: KeptFile) => number): number => inputs.reduce((total, file) => total + of(file), 0);
  const file = { key, ...place, rows: sum(({ rows }) => rows), bytes: sum(({ bytes }) => bytes) };
  return { file, day, inputs, begun: false };
}

function covers(by: PlannedFile, file: PlannedFile): boolean {
  return by.from <= file.from && file.to <= by.to && formatOf(by.key) === formatOf(file.key);
}
