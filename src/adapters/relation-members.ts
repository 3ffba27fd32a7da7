// The attributes and methods of a relation for templates. relation.ts has the relation itself, relation-statics.ts its
// class.
import { TsdbtError } from '../errors.ts';
import { argumentBinder, callable } from '../values/callable.ts';
import { PyDict } from '../values/dict.ts';
import { toText } from '../values/text.ts';
import type { Callable, Value } from '../values/value.ts';
import type { Relation } from './relation.ts';
import { changesFrom, member, textOrNull } from './relation-changes.ts';
import { changePath, dictOf, entriesOf, PathParts } from './relation-path.ts';

const ATTRIBUTES: ReadonlyMap<string, (r: Relation) => Value> = new Map<string, (r: Relation) => Value>([
  ['database', (r) => r.database],
  ['schema', (r) => r.schema],
  ['identifier', (r) => r.identifier],
  ['table', (r) => r.identifier],
  ['name', (r) => r.identifier],
  ['type', (r) => r.type],
  ['path', (r) => new PathParts('Path', r.fields.path)],
  ['quote_policy', (r) => new PathParts('Policy', r.fields.quotePolicy)],
  ['include_policy', (r) => new PathParts('Policy', r.fields.includePolicy)],
  ['quote_character', (r) => r.fields.quoteCharacter],
  ['dbt_created', (r) => r.fields.dbtCreated],
  ['limit', (r) => r.fields.limit],
  [
    'event_time_filter',
    (r) => {
      const f = r.fields.eventTimeFilter;
      return (
        f &&
        dictOf(
          [
            ['field_name', f.fieldName],
            ['start', f.start],
            ['end', f.end],
          ],
          false,
        )
      );
    },
  ],
  ['require_alias', (r) => r.fields.requireAlias],
  ['catalog', (r) => r.fields.catalog],
  ['renameable_relations', (r) => [...r.dialect.renameable]],
  ['replaceable_relations', (r) => [...r.dialect.replaceable]],
  ['information_schema_view', (r) => r.fields.informationSchemaView ?? null],
  ['is_table', (r) => r.type === 'table'],
  ['is_view', (r) => r.type === 'view'],
  ['is_cte', (r) => r.type === 'cte'],
  ['is_materialized_view', (r) => r.type === 'materialized_view'],
  ['is_pointer', (r) => r.type === 'pointer_table'],
  ['is_function', (r) => r.type === 'function'],
  ['can_be_renamed', (r) => r.type !== null && r.dialect.renameable.includes(r.type)],
  ['can_be_replaced', (r) => r.type !== null && r.dialect.replaceable.includes(r.type)],
]);

// Called for every node: their signatures are parsed once.
const REPLACE_PATH = argumentBinder('replace_path', '**kwargs');
const INCORPORATE = argumentBinder('incorporate', '**kwargs');
const PARTS_SIGNATURE = 'database=None, schema=None, identifier=None';

const METHODS: ReadonlyMap<string, (r: Relation) => Callable> = new Map<string, (r: Relation) => Callable>([
  ['render', (r) => callable('render', '', () => r.render())],
  ['render_limited', (r) => callable('render_limited', '', () => r.renderLimited())],
  [
    'render_event_time_filtered',
    (r) =>
      callable('render_event_time_filtered', 'rendered=None', (rendered) =>
        r.renderEventTimeFiltered(typeof rendered === 'string' && rendered !== '' ? rendered : undefined),
      ),
  ],
  ['quoted', (r) => callable('quoted', 'identifier', (identifier) => r.quoted(toText(identifier)))],
  [
    'quote',
    (r) =>
      callable('quote', PARTS_SIGNATURE, (d, s, i) =>
        r.quote({ database: flag(d), schema: flag(s), identifier: flag(i) }),
      ),
  ],
  [
    'include',
    (r) =>
      callable('include', PARTS_SIGNATURE, (d, s, i) =>
        r.include({ database: flag(d), schema: flag(s), identifier: flag(i) }),
      ),
  ],
  [
    'matches',
    (r) =>
      callable('matches', PARTS_SIGNATURE, (d, s, i) =>
        r.matches({ database: textOrNull(d), schema: textOrNull(s), identifier: textOrNull(i) }),
      ),
  ],
  ['without_identifier', (r) => callable('without_identifier', '', () => r.withoutIdentifier())],
  [
    'information_schema',
    (r) =>
      callable('information_schema', 'view_name=None', (view) =>
        r.informationSchema(typeof view === 'string' ? view : null),
      ),
  ],
  ['information_schema_only', (r) => callable('information_schema_only', '', () => r.informationSchema())],
  [
    'replace_path',
    (r) =>
      callable('replace_path', REPLACE_PATH, (kwargs) =>
        r.with({ path: changePath(r.fields.path, entriesOf(kwargs)) }),
      ),
  ],
  ['incorporate', (r) => callable('incorporate', INCORPORATE, (kwargs) => r.with(changesFrom(r, entriesOf(kwargs))))],
  ['replace', (r) => callable('replace', '**kwargs', (kwargs) => r.with(changesFrom(r, entriesOf(kwargs))))],
  ['to_dict', (r) => callable('to_dict', 'omit_none=False, **kwargs', (omit) => r.toDict(omit === true))],
  [
    'get',
    (r) =>
      callable('get', 'key, default=None', (key, fallback) =>
        key === 'metadata' ? PyDict.from({ type: r.className }) : (r.jinjaItem(key) ?? fallback),
      ),
  ],
  ['relation_max_name_length', (r) => callable('relation_max_name_length', '', () => r.dialect.maxIdentifier)],
  [
    'get_function_macro_name',
    () =>
      callable(
        'get_function_macro_name',
        'config',
        (config) => `${toText(member(config, 'type'))}_function_${toText(member(config, 'language'))}`,
      ),
  ],
  ['get_function_config', () => callable('get_function_config', 'model', functionConfig)],
  [
    'get_materialized_view_config_change_collection',
    (r) =>
      callable(
        'get_materialized_view_config_change_collection',
        'relation_results, relation_config',
        (results, config) => r.dialect.materializedViewChanges?.(results, config) ?? null,
      ),
  ],
]);

/** Returns an attribute or method of a relation; undefined if the name is unknown. */
export function relationMember(relation: Relation, name: string): Value | undefined {
  return (ATTRIBUTES.get(name) ?? METHODS.get(name))?.(relation);
}

function flag(value: Value): boolean | null {
  return typeof value === 'boolean' ? value : null;
}

/** A function's config for its materialization. @throws if dbt refuses to build the function */
function functionConfig(model: Value): Value {
  if (member(model, 'resource_type') !== 'function') return null;
  const config = member(model, 'config');
  const language = member(model, 'language') ?? '';
  const type = member(config, 'type') ?? '';
  const runtime = member(config, 'runtime_version');
  const entry = member(config, 'entry_point');
  const wrong =
    language === ''
      ? 'A `language` is required for functions'
      : type === ''
        ? 'A `type` is required for functions'
        : language === 'python' && runtime === null
          ? 'A `runtime_version` is required for python functions'
          : language === 'python' && entry === null
            ? 'An `entry_point` is required for python functions'
            : '';
  if (wrong !== '') throw new TsdbtError('runtime', wrong);
  return dictOf(
    [
      ['language', language],
      ['type', type],
      ['runtime_version', runtime],
      ['entry_point', entry],
    ],
    false,
  );
}
