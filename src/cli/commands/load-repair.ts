// load repair: says what keeps archives from going on and what is lost when they do; with --yes they go on.
// src/loader/archive/repair.ts finds it out, and does it.
import { randomUUID } from 'node:crypto';
import { errorOf } from '../../error-table.ts';
import { isArchive } from '../../loader/archive/config.ts';
import type { HalfRange, Repair, RepairOptions } from '../../loader/archive/repair.ts';
import { hasParted, type Span } from '../../loader/archive/repair-plan.ts';
import { partitionKey } from '../../loader/broker.ts';
import { createLedger } from '../../loader/create-sink.ts';
import type { LoadTarget } from '../../loader/load-target.ts';
import { pluralize } from '../../log.ts';
import { now } from '../command-session.ts';
import { readStore } from '../read-connection.ts';
import type { LoadContext } from './load.ts';

/** @returns whether nothing is left that keeps an archive from going on */
export async function repairArchives(ctx: LoadContext): Promise<boolean> {
  const archives = ctx.targets.filter(isArchive);
  if (archives.length === 0) throw errorOf('nothingToLoad', {});
  const { flags } = ctx.session;
  const yes = flags['yes'] === true;
  const { repairsOf, repairPartition, isMendable } = await import('../../loader/archive/repair.ts');
  let ok = true;
  for (const target of archives) {
    const options = await optionsOf(ctx, target, placesOf(target, flags['to']));
    try {
      const found = await repairsOf(options);
      if (found.length === 0) ctx.say(`${target.name}: nothing to repair`);
      for (const repair of found) {
        for (const line of linesOf(repair)) ctx.say(`${target.name}  ${line}`);
        if (repair.problem !== null) ok = false;
        if (!isMendable(repair)) continue;
        if (!yes) ok = false;
        else if (await repairPartition(options, repair))
          ctx.say(`${target.name}  ${partitionKey(repair)}  done: goes on at offset ${repair.next}`);
        else {
          ctx.say(
            `${target.name}  ${partitionKey(repair)}  not done: another process repairs or compacts it; the claim of ` +
              'a killed one ends after 15 minutes',
          );
          ok = false;
        }
      }
      if (!yes && found.some(isMendable))
        ctx.say(`${target.name}  nothing was changed: copy what you want to keep, then \`load repair --yes\` does it`);
    } finally {
      await options.client.close();
      options.store.close();
    }
  }
  return ok;
}

async function optionsOf(
  ctx: LoadContext,
  target: LoadTarget,
  behind: ReadonlyMap<string, bigint>,
): Promise<RepairOptions> {
  const { session, parsed, reached } = ctx;
  if (!isArchive(target)) throw errorOf('nothingToLoad', {});
  const sink = await ctx.sinkOf(target);
  await sink.prepare(target);
  return {
    ...{ target, sink, behind, now, reached, owner: randomUUID(), signal: session.signal },
    ledger: createLedger(parsed.adapter, ctx.sink),
    store: await readStore(session, parsed.config, target.archive.connection),
    client: await ctx.client(target),
  };
}

/** `2:1500`, or `a/2:1500` where there are several topics; with commas between. */
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
