// What the adapter's methods tell a run and ask of it: debug events, warnings about constraints, whether a relation is
// the project's, what views looked like. Decides nothing.
import type { Relation } from '../adapters/relation.ts';
import type { AdapterObjectOptions } from '../context/adapter-object.ts';
import type { Manifest } from '../contracts/manifest.ts';
import { LazyEvent, type Logger, warningTag } from '../log.ts';

export type AdapterHooks = Pick<
  AdapterObjectOptions,
  'builds' | 'onEvent' | 'onConstraint' | 'onWarning' | 'onBehaviorFlag' | 'views'
>;

const CODES: Readonly<Record<string, string>> = {
  CacheMiss: 'E013',
  SchemaCreation: 'E025',
  SchemaDrop: 'E026',
  ColTypeChange: 'E019',
  CacheAction: 'E022',
  CacheDumpGraph: 'E023',
};

/** @param adapterType for the words of warnings */
export function createAdapterHooks(
  manifest: Pick<Manifest, 'nodes'>,
  adapterType: string,
  logger: Logger,
  views: AdapterHooks['views'],
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
    onEvent: (name, data) =>
      logger.fire(
        new LazyEvent(
          name,
          CODES[name] ?? '',
          'debug',
          () => eventText(name, data),
          () => data,
        ),
      ),
    onConstraint(event, constraint) {
      const [code, effect] =
        event === 'ConstraintNotSupported'
          ? [
              'E049',
              `is not supported by ${adapterType}, and will be ignored. Set 'warn_unsupported: false' on this ` +
                'constraint to ignore this warning.',
            ]
          : [
              'E048',
              `is not enforced by ${adapterType}. The constraint will be included in this model's DDL ` +
                "statement, but it will not guarantee anything about the underlying data. Set 'warn_unenforced: " +
                "false' on this constraint to ignore this warning.",
            ];
      logger.fire({
        name: event,
        code: code!,
        level: 'warn',
        msg: warningTag(`The constraint type ${constraint} ${effect}`),
        data: { constraint, adapter: adapterType },
      });
    },
    onWarning: (message) =>
      logger.fire({
        name: 'AdapterEventWarning',
        code: 'E003',
        level: 'warn',
        msg: `${adapterType} adapter: ${message}`,
        data: { name: adapterType, base_msg: message, args: [] },
      }),
    onBehaviorFlag(name) {
      if (flagsSaid.has(name)) return;
      flagsSaid.add(name);
      logger.fire(
        new LazyEvent(
          'BehaviorChangeEvent',
          'D000',
          'debug',
          () => `The behaviour flag ${name} is off`,
          () => ({ flag_name: name, flag_source: '', description: '', docs_url: '' }),
        ),
      );
    },
  };
}

function eventText(name: string, data: Readonly<Record<string, unknown>>): string {
  switch (name) {
    case 'CacheMiss':
      return (
        `On "${data['conn_name']}": cache miss for schema "${data['database']}.${data['schema']}", this is ` +
        'inefficient'
      );
    case 'SchemaCreation':
      return `Creating schema "${data['relation']}"`;
    case 'SchemaDrop':
      return `Dropping schema "${data['relation']}".`;
    case 'ColTypeChange':
      return `Changing col type from ${data['orig_type']} to ${data['new_type']} in table ${data['table']}`;
    default:
      return `${name} ${JSON.stringify(data)}`;
  }
}
