// Callbacks that connect the adapter's methods with a run: debug events, warnings about constraints, whether a relation
// belongs to the project, and the last known state of views.
import type { Relation } from '../adapters/relation.ts';
import type { AdapterObjectOptions } from '../context/adapter-object.ts';
import type { Manifest } from '../contracts/manifest.ts';
import { type EventData, fire } from '../events/index.ts';
import type { Logger } from '../log.ts';
import type { Secrets } from '../secrets.ts';

export type AdapterHooks = Pick<
  AdapterObjectOptions,
  'builds' | 'onEvent' | 'onConstraint' | 'onWarning' | 'onSecret' | 'onBehaviorFlag' | 'views'
>;

/** @param adapterType used in warnings */
export function createAdapterHooks(
  manifest: Pick<Manifest, 'nodes'>,
  adapterType: string,
  logger: Logger,
  views: AdapterHooks['views'],
  secrets: Secrets,
): AdapterHooks {
  let own: Set<string> | undefined;
  const key = (database: string | null | undefined, schema: string | null, name: string | null): string =>
    `${database ?? ''}.${schema ?? ''}.${name ?? ''}`.toLowerCase();
  const flagsSaid = new Set<string>();
  return {
    views,
    builds(relation: Relation) {
      own ??= new Set(
        Object.values(manifest.nodes).flatMap((n) =>
          n.resource_type === 'model' || n.resource_type === 'seed' || n.resource_type === 'snapshot'
            ? [key(n.database, n.schema, n.alias)]
            : [],
        ),
      );
      return own.has(key(relation.database, relation.schema, relation.identifier));
    },
    onSecret: (secret) => secrets.add(secret),
    onEvent: (name, data) => fire(logger, name, data),
    onConstraint: (name, constraint) => fire(logger, name, { constraint, adapter: adapterType }),
    onWarning(base_msg) {
      const facts = { name: adapterType, base_msg };
      fire(logger, 'AdapterEventWarning', facts, { data: () => ({ ...facts, args: [] }) });
    },
    onBehaviorFlag(flag_name) {
      if (flagsSaid.has(flag_name)) return;
      flagsSaid.add(flag_name);
      const data = (): EventData => ({ flag_name, flag_source: '', description: '', docs_url: '' });
      fire(logger, 'BehaviorChangeEvent', { flag_name }, { data });
    },
  };
}
