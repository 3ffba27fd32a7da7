// load status: reports how far each table is loaded and what blocks it, as lines or as one JSON document.
// src/loader/status.ts determines it.
import type { CompactionState } from '../../loader/archive/compact.ts';
import { loadStatus, type TargetStatus } from '../../loader/status.ts';
import { keptText } from '../../loader/slot-watch.ts';
import type { LoadTarget } from '../../loader/settings/load-target.ts';
import { now } from '../command-session.ts';
import { compactionOf } from './load-compact.ts';
import type { LoadContext } from './load.ts';
import { syncStates } from './load-sync.ts';

interface Shown {
  readonly target: LoadTarget;
  readonly status: TargetStatus;
  /** Null: the table does not exist, or nothing was loaded yet. */
  readonly compaction: CompactionState | null;
}

/** @returns whether no table is blocked */
export async function showStatus(ctx: LoadContext): Promise<boolean> {
  const asJson = ctx.session.flags['output'] === 'json';
  const syncs = await syncStates(ctx);
  if (!asJson) for (const { line } of syncs) ctx.say(line);
  const tables: Shown[] = [];
  for (const target of ctx.targets) {
    const status = await loadStatus(ctx.sink, () => ctx.client(target), target, now());
    if (!asJson) for (const line of statusLines(target, status)) ctx.say(line);
    const compaction = await compactionOf(ctx, target);
    tables.push({ target, status, compaction });
    if (asJson || compaction === null) continue;
    const { days, toJoin, into, replaced } = compaction;
    ctx.say(
      `${target.name}  closed days to compact ${days}, files ${toJoin} into ${into}; ` +
        `${replaced} replaced files wait to be deleted`,
    );
  }
  const ok = tables.every(({ status }) => status.problems.length === 0);
  if (asJson)
    ctx.say(
      JSON.stringify({
        generated_at: new Date(now()).toISOString(),
        ok,
        tables: tables.map(statusDocument),
        syncs: syncs.map(({ document }) => document),
      }),
    );
  return ok;
}

function statusLines({ name }: LoadTarget, { partitions, problems, paused, slot }: TargetStatus): string[] {
  return [
    ...partitions.map(
      ({ topic, partition, next, end, lagRows, lagSeconds, dead }) =>
        `${name}  ${topic}/${partition}  next ${next ?? '-'}  end ${end ?? '?'}  lag ${lagRows ?? '?'} ` +
        `rows, ${lagSeconds === null ? '?' : `${lagSeconds.toFixed(0)}s`}  dead letters ${dead}`,
    ),
    ...(slot === null ? [] : [`${name}  ${keptText(slot)}`]),
    ...(paused === null ? [] : [`${name}  paused since ${paused}`]),
    ...problems.map((problem) => `${name}  ${problem}`),
  ];
}

/** The keys are documented in docs/loader.md and must not change. */
function statusDocument({ target, status, compaction }: Shown): object {
  return {
    table: target.name,
    unique_id: target.uniqueId,
    schema: target.schema,
    identifier: target.identifier,
    topics: topicsShown(target),
    ok: status.problems.length === 0,
    paused_since: status.paused,
    problems: status.problems,
    slot:
      status.slot === null
        ? null
        : {
            name: status.slot.slot,
            retained_bytes: status.slot.retained,
            limit_bytes: status.slot.limit,
            held_by: status.slot.heldBy,
          },
    compaction:
      compaction === null
        ? null
        : {
            closed_days: compaction.days,
            files_to_join: compaction.toJoin,
            joined_into: compaction.into,
            replaced_files: compaction.replaced,
          },
    partitions: status.partitions.map(({ topic, partition, next, end, lagRows, lagSeconds, dead }) => ({
      topic,
      partition,
      next_offset: numberOf(next),
      end_offset: numberOf(end),
      lag_rows: numberOf(lagRows),
      lag_seconds: lagSeconds,
      dead_letters: dead,
    })),
  };
}

/** The declared topic names, or the pattern. */
function topicsShown({ topic, topics }: LoadTarget): readonly string[] {
  return topics === undefined || topics instanceof RegExp ? [topic] : topics;
}

function numberOf(offset: bigint | null): number | null {
  return offset === null ? null : Number(offset);
}
