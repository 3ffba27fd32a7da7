// Methods of `adapter` for macros that publish by EXCHANGE TABLES. Macros order the statements; exchange.ts notes and
// carries over rows.
import { TsdbtError } from '../../errors.ts';
import { PyDict } from '../../values/dict.ts';
import { toText } from '../../values/text.ts';
import type { Value } from '../../values/value.ts';
import { Relation } from '../relation.ts';
import type { TemplateMethods } from '../template-method.ts';
import { workingStem } from './beside.ts';
import { beginExchange, finishExchange } from './exchange.ts';
import type { Lease, Leases } from './leases.ts';
import { ClickHouseSession } from './session.ts';

/** @param leases those of the adapter that the methods belong to */
export function publishMethods(leases: Leases): TemplateMethods {
  const leaseOf = (method: string, relation: Value): Lease => {
    if (!(relation instanceof Relation))
      throw new TsdbtError('compilation', `'adapter.${method}' expects target to be a Relation`);
    return leases.of(relation.schema ?? '', relation.identifier ?? '');
  };
  return {
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
