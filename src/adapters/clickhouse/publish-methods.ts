// Methods of `adapter` for macros that publish by EXCHANGE TABLES. Macros order the statements; exchange.ts records
// state and moves rows.
import { TsdbtError } from '../../errors.ts';
import { callableOf, NO_KWARGS, settle } from '../../values/call.ts';
import { PyDict } from '../../values/dict.ts';
import { iterate } from '../../values/iterate.ts';
import { toText } from '../../values/text.ts';
import type { Value } from '../../values/value.ts';
import { Relation } from '../relation.ts';
import type { TemplateMethods } from '../template-method.ts';
import { workingStem } from './beside.ts';
import { beginExchange, finishExchange } from './exchange.ts';
import type { Lease, Leases } from './leases.ts';
import { quoteText } from './literal.ts';
import { comingSecond, isMixed, LiveViews, requireBefore } from './live-views.ts';
import { ClickHouseSession } from './session.ts';

/** @param leases of the adapter that the methods belong to */
export function publishMethods(leases: Leases): TemplateMethods {
  const leaseOf = (method: string, relation: Value): Lease => {
    if (!(relation instanceof Relation))
      throw new TsdbtError('compilation', `'adapter.${method}' expects target to be a Relation`);
    return leases.of(relation.schema ?? '', relation.identifier ?? '');
  };
  const live = new WeakMap<Lease, LiveViews>();
  const watchedBy = (lease: Lease): LiveViews => {
    const views = live.get(lease);
    if (views === undefined) throw new TsdbtError('compilation', "'adapter.watch_views' has to be called before");
    return views;
  };
  /** Whether views can distinguish INSERTs by the second in which they began. Queried once. */
  let dated: Promise<boolean> | undefined;
  const asksDated = async (lease: Lease): Promise<boolean> =>
    (
      await lease.query("select count() from system.functions where name in ('initialQueryStartTime', 'nowInBlock64')")
    )[0]?.textAt(0) === '2';
  return {
    can_replace_live: {
      signature: 'target',
      parsing: () => false,
      run(_call, target) {
        const lease = leaseOf('can_replace_live', target);
        return (dated ??= asksDated(lease));
      },
    },
    has_comment: {
      signature: 'target, begin',
      parsing: () => false,
      async run(_call, target, begin) {
        const lease = leaseOf('has_comment', target);
        const { schema, identifier } = lease;
        const found = await lease.query(
          `select startsWith(comment, ${quoteText(toText(begin))}) from system.tables where database = ` +
            `${quoteText(schema)} and name = ${quoteText(identifier)}`,
        );
        return found[0]?.textAt(0) === '1';
      },
    },
    watch_views: {
      signature: 'target, views',
      parsing: () => null,
      async run(_call, target, views) {
        const lease = leaseOf('watch_views', target);
        live.set(lease, await LiveViews.of(lease, [...iterate(views)].map(toText)));
        return null;
      },
    },
    fill_to_border: {
      signature: 'target, staged, sql, fill',
      parsing: () => 0,
      async run({ sql: database }, target, staged, sql, fill) {
        const watched = watchedBy(leaseOf('fill_to_border', target));
        for (;;) {
          const { moment, filters } = await watched.border();
          try {
            await settle(callableOf(fill)([staged, sql, filters], NO_KWARGS));
            return String(moment);
          } catch (error) {
            if (!isMixed(error)) throw error;
            await database.macro('truncate_relation', { relation: staged });
          }
        }
      },
    },
    coming_second: {
      signature: 'target, statements',
      parsing: () => 0,
      run: async (_call, target, statements) =>
        String(await comingSecond(leaseOf('coming_second', target), Number(toText(statements)))),
    },
    require_before: {
      signature: 'target, second',
      parsing: () => null,
      async run(_call, target, second) {
        await requireBefore(leaseOf('require_before', target), Number(toText(second)));
        return null;
      },
    },
    await_second: {
      signature: 'target, second',
      parsing: () => null,
      async run(_call, target, second) {
        const lease = leaseOf('await_second', target);
        await watchedBy(lease).passed(Number(toText(second)));
        return null;
      },
    },
    working_stem: {
      signature: 'identifier',
      parsing: () => '',
      run: (_call, identifier) => workingStem(toText(identifier)),
    },
    stop_merges: {
      signature: 'target',
      parsing: () => null,
      async run(_call, target) {
        await leaseOf('stop_merges', target).stopMerges();
        return null;
      },
    },
    start_merges: {
      signature: 'target',
      parsing: () => false,
      async run(_call, target) {
        const lease = leaseOf('start_merges', target);
        const { stopped } = lease;
        await lease.startMerges();
        return stopped;
      },
    },
    before_exchange: {
      signature: 'target, shadow, blocks, uuid',
      parsing: () => true,
      async run(_call, target, shadow, blocks, uuid) {
        const lease = leaseOf('before_exchange', target);
        const held = blocks instanceof PyDict ? [...blocks.entries()] : [];
        return beginExchange(
          lease,
          (shadow as Relation).identifier ?? '',
          Object.fromEntries(held.map(([id, block]) => [toText(id), Number(toText(block))])),
          toText(uuid),
        );
      },
    },
    after_exchange: {
      signature: 'target',
      parsing: () => null,
      async run({ sql: { session } }, target) {
        const lease = leaseOf('after_exchange', target);
        const { exchange } = lease;
        if (exchange === undefined) return null;
        await finishExchange(lease, exchange, true);
        if (session instanceof ClickHouseSession) session.dropped(exchange.shadow);
        return null;
      },
    },
  };
}
