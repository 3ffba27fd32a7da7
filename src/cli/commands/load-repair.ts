// load repair: reports what blocks archives and what is lost if they continue; with --yes they continue.
// src/loader/archive/repair.ts does the work.
import { randomUUID } from 'node:crypto';
import { errorOf } from '../../error-table.ts';
import type { ArchiveTarget } from '../../loader/settings/archive-settings.ts';
import type { HalfRange, Repair, RepairOptions, RepairOutcome } from '../../loader/archive/repair.ts';
import { hasParted, type Span } from '../../loader/archive/repair-plan.ts';
import { partitionKey } from '../../loader/brokers/broker.ts';
import { createLedger } from '../../loader/create-sink.ts';
import type { LoadTarget } from '../../loader/settings/load-target.ts';
import { pluralize } from '../../log.ts';
import { now } from '../command-session.ts';
import { readStore } from '../read-connection.ts';
import { archivesOf } from './load-compact.ts';
import type { LoadContext } from './load.ts';

/** The result for a partition; `open`: nothing was done. */
type Result = RepairOutcome | 'open';

interface Shown {
  readonly target: LoadTarget;
  readonly partitions: readonly (readonly [Repair, Result])[];
}

const ENDS: Readonly<Record<Exclude<RepairOutcome, 'done'>, string>> = {
  busy: 'not done: another process repairs or compacts the archive; run it again when that has ended',
  moved: 'not done: loaders have moved it again and again meanwhile; run it again',
  stopped: 'not done: stopped; the same command goes on',
};

/** @returns whether no archive is blocked any more */
export async function repairArchives(ctx: LoadContext): Promise<boolean> {
  const archives = archivesOf(ctx);
  const { flags } = ctx.session;
  const asJson = flags['output'] === 'json';
  const yes = flags['yes'] === true;
  const { repairsOf, repairPartition, isMendable } = await import('../../loader/archive/repair.ts');
  const shown: Shown[] = [];
  for (const target of archives) {
    const say = (line: string): void => {
      if (!asJson) ctx.say(`${target.name}${line}`);
    };
    const options = await optionsOf(ctx, target, placesOf(target, flags['to']), () =>
      say('  waits for another process that repairs or compacts it; the claim of a killed one ends within a minute'),
    );
    try {
      const found = await repairsOf(options);
      if (found.length === 0) say(': nothing to repair');
      const partitions: (readonly [Repair, Result])[] = [];
      shown.push({ target, partitions });
      let last: RepairOutcome = 'done';
      for (const repair of found) {
        for (const line of linesOf(repair)) say(`  ${line}`);
        if (!yes || !isMendable(repair) || last === 'busy' || last === 'stopped') {
          partitions.push([repair, 'open']);
          continue;
        }
        last = await repairPartition(options, repair);
        partitions.push([repair, last]);
        const said = last === 'done' ? `done: goes on at offset ${repair.next}` : ENDS[last];
        say(`  ${partitionKey(repair)}  ${said}`);
      }
      if (!yes && found.some(isMendable))
        say('  nothing was changed: copy what you want to keep, then `load repair --yes` does it');
    } finally {
      await options.client.close();
      options.store.close();
    }
    if (ctx.session.signal.aborted) break;
  }
  const ok =
    !ctx.session.signal.aborted &&
    shown.every(({ partitions }) =>
      partitions.every(([repair, result]) => repair.problem === null && (result === 'done' || !isMendable(repair))),
    );
  if (asJson)
    ctx.say(
      JSON.stringify({
        generated_at: new Date(now()).toISOString(),
        ok,
        archives: shown.map(({ target, partitions }) => ({
          archive: target.name,
          unique_id: target.uniqueId,
          partitions: partitions.map(([repair, result]) => documentOf(repair, isMendable(repair), result)),
        })),
      }),
    );
  return ok;
}

async function optionsOf(
  ctx: LoadContext,
  target: ArchiveTarget,
  behind: ReadonlyMap<string, bigint>,
  waits: () => void,
): Promise<RepairOptions> {
  const { session, parsed, reached } = ctx;
  const sink = await ctx.sinkOf(target);
  await sink.prepare(target);
  return {
    ...{ target, sink, behind, now, waits, reached, owner: randomUUID(), signal: session.signal },
    ledger: createLedger(parsed.adapter, ctx.sink),
    store: await readStore(session, parsed.config, target.archive.connection),
    client: await ctx.client(target),
  };
}

/** `2:1500`, or `a/2:1500` if there are several topics; separated by commas. */
function placesOf({ topic, topics }: LoadTarget, to: unknown): ReadonlyMap<string, bigint> {
  const places = new Map<string, bigint>();
  if (typeof to !== 'string' || to === '') return places;
  for (const part of to.split(',')) {
    const [, name = topic, partition, offset] = /^(?:([\w.-]+)\/)?(\d+):(\d+)$/.exec(part) ?? [];
    if (partition === undefined || offset === undefined || (topics !== undefined && !part.includes('/')))
      throw errorOf('badOptionValue', {
        option: '--to',
        why: `'${part}' is no place behind a batch, such as ${topics === undefined ? '' : 'TOPIC/'}0:1500.`,
      });
    places.set(`${name}/${partition}`, BigInt(offset));
  }
  return places;
}

function linesOf(repair: Repair): string[] {
  const { topic, partition, failure, upTo, next, removals, trims, gone, lost, halves, forgotten } = repair;
  const place = `${topic}/${partition}`;
  const messages = [...gone.values()].reduce((sum, rows) => sum + rows, 0);
  const into = new Map(trims.map(({ from, key }) => [from, key]));
  const parted = hasParted(failure);
  const why =
    failure?.message ??
    (repair.begun ? 'a repair was cut off' : repair.position === null ? 'nothing says how far it is' : null);
  return [
    ...(why === null ? [] : [`stopped: ${why}`]),
    ...(repair.problem === null || repair.problem === failure?.message
      ? []
      : [`cannot be repaired: ${repair.problem}`]),
    ...halves.map(halfLine),
    ...(lost === null ? [] : [`lost: ${spanText(lost)} do not come into the archive`]),
    ...(removals.length === 0
      ? []
      : [
          `${parted ? 'lost' : 'deleted'}: ${pluralize(messages, 'message')} from offset ${upTo} on in ` +
            `${pluralize(removals.length, 'file')}${parted ? ', which the topic has no more' : ''}`,
        ]),
    ...removals.map(({ key, rows }) => {
      const count = gone.get(key);
      const rest = into.get(key);
      const what = count === undefined ? 'cannot be read' : pluralize(count, 'message');
      const where = rows === null ? ', not in tsdbt.archive_files' : '';
      return `  ${key}: ${what}${where}${rest === undefined ? '' : `; the others go into ${rest}`}`;
    }),
    ...forgotten.map((key) => `  ${key}: is not in the store any more`),
    ...repair.missing.map(
      ({ key, rows, from, to }) =>
        `missing: ${key} is not in the store any more: ${pluralize(rows, 'message')} of ${spanText({ from, to })}`,
    ),
    ...repair.unknown.map(({ key }) => `not in tsdbt.archive_files, and left there: ${key}`),
    ...(next === repair.position ? [] : [`goes on at offset ${next}`]),
  ].map((line) => `${place}  ${line}`);
}

/** The keys are documented in docs/archive.md and must not change. */
function documentOf(repair: Repair, mendable: boolean, result: Result): object {
  const { topic, partition, failure, position, next, lost, trims, removals, gone, halves, missing } = repair;
  const into = new Map(trims.map(({ from, key }) => [from, key]));
  return {
    topic,
    partition,
    result: result !== 'open' ? result : mendable ? 'repairable' : repair.problem === null ? 'sound' : 'not repairable',
    stopped: failure?.message ?? null,
    problem: repair.problem,
    cut_off: repair.begun,
    position: position === null ? null : Number(position),
    goes_on_at: Number(next),
    lost: lost === null ? null : spanDocument(lost),
    deleted_files: removals.map(({ key, rows }) => ({
      key,
      messages_deleted: gone.get(key) ?? null,
      others_go_into: into.get(key) ?? null,
      in_ledger: rows !== null,
    })),
    half_written: halves.map(({ range, failure: why, lost: spans, standing }) => ({
      ...spanDocument(range),
      why: why.message,
      lost: spans.map(spanDocument),
      messages_in_files: standing,
    })),
    forgotten_files: repair.forgotten,
    missing_files: missing.map(({ key, rows, from, to }) => ({ key, messages: rows, ...spanDocument({ from, to }) })),
    unknown_files: repair.unknown.map(({ key }) => key),
  };
}

/** Offsets, inclusive. */
function spanDocument({ from, to }: Span): object {
  return { from_offset: Number(from), to_offset: Number(to - 1n) };
}

function halfLine({ range, lost, failure, standing }: HalfRange): string {
  const spans = lost.map(spanText).join(', ');
  const held = standing === 0 ? '' : `, but ${pluralize(standing, 'message')} that files have`;
  return (
    `half written: ${spanText(range)} were recorded and cannot be read again as a whole: ${failure.message}; ` +
    `lost: ${spans === '' ? 'not known' : spans}${held}`
  );
}

function spanText({ from, to }: Span): string {
  return `offsets ${from} to ${to - 1n}`;
}
