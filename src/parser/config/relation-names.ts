// Computes database, schema, alias and relation name of a node: built-in generate_*_name rules directly, a user's
// macros by calls. The adapter quotes relations.
import { databaseIn } from '../../adapters/relation-dialect.ts';
import type { MacroNode } from '../../contracts/node.ts';
import { errorOf } from '../../error-table.ts';
import type { ConfigDict } from './node-config.ts';
import { pyStr } from '../../values/python-text.ts';
import type { ParseState } from '../table/parse-state.ts';
import type { Rendering } from '../table/rendering.ts';

type Component = 'database' | 'schema' | 'alias';

/** A resource that has a relation in the database. */
export interface NamedRelation {
  readonly name: string;
  readonly package_name: string;
  readonly unique_id: string;
  readonly resource_type: string;
  readonly version?: unknown;
}

/** A resource as seen by name macros: a field is read from the last of several objects that has it. */
export type NodeLayers = readonly object[];

/** Location of a resource in the database. */
export interface Place {
  readonly database: string | null;
  /** Null if a user's macro returned none. */
  readonly schema: string | null;
  readonly alias: string;
}

/** Computes relation names; one object per parse, created after the macros are known. */
export class RelationNames {
  readonly #state: ParseState;
  readonly #rendering: Rendering;
  readonly #macros: Readonly<Record<Component, ReadonlyMap<string | null, MacroNode>>>;
  readonly #nullSchemaIsError: boolean;

  constructor(state: ParseState, rendering: Rendering, macros: ReadonlyMap<string, MacroNode>) {
    this.#state = state;
    this.#rendering = rendering;
    this.#macros = {
      database: overriding(state, macros, 'database'),
      schema: overriding(state, macros, 'schema'),
      alias: overriding(state, macros, 'alias'),
    };
    this.#nullSchemaIsError = state.flag('require_valid_schema_from_generate_schema_name', false);
  }

  /**
   * Returns database, schema and alias of a node according to its config.
   * @param shown the node as the user's macros see it
   */
  place(node: NamedRelation, config: ConfigDict, shown: NodeLayers = [node]): Place {
    const place: { [C in Component]?: string | null } = {};
    const view = [...shown, place];
    place.database = this.#generate('database', node, config['database'] ?? null, view);
    place.schema = this.#generate('schema', node, config['schema'] ?? null, view);
    if (place.schema === null) this.#onNullSchema(node);
    place.alias = this.#generate('alias', node, config['alias'] ?? null, view);
    if (node.resource_type === 'snapshot') {
      if (config['target_database']) place.database = pyStr(config['target_database']);
      if (config['target_schema']) place.schema = pyStr(config['target_schema']);
    }
    // A user's macro may return null; dbt accepts it.
    return place as Place;
  }

  /**
   * Returns `"db"."schema"."name"`; without the database for a resource whose relation has none, whatever a macro
   * returns.
   */
  render(
    database: string | null,
    schema: string | null,
    identifier: string,
    quoting: Readonly<Record<string, unknown>> = {},
  ): string {
    const { adapter, root } = this.#state;
    const policy = root.quoting;
    const pick = (part: 'database' | 'schema' | 'identifier'): boolean => {
      const own = quoting[part] ?? policy[part] ?? true;
      return own === true;
    };
    return adapter
      .createRelation({
        database: databaseIn(adapter.relations, database),
        schema,
        identifier,
        quotePolicy: { database: pick('database'), schema: pick('schema'), identifier: pick('identifier') },
      })
      .render();
  }

  #generate(component: Component, node: NamedRelation, custom: unknown, view: NodeLayers): string | null {
    const macros = this.#macros[component];
    const macro = macros.size === 0 ? undefined : (macros.get(node.package_name) ?? macros.get(null));
    if (macro !== undefined) {
      const value = this.#rendering.generateName(macro, custom, view);
      return typeof value === 'string' ? value.trim() : value;
    }
    const credentials = this.#state.config.profile.credentials;
    if (component === 'database' && this.#state.adapter.relations.noDatabase !== undefined) return '';
    if (component === 'database') return custom === null ? credentials.database : pyStr(custom).trim();
    if (component === 'schema')
      return custom === null ? credentials.schema : `${credentials.schema}_${pyStr(custom).trim()}`;
    if (custom) return pyStr(custom).trim();
    const version = node.version ?? null;
    return version ? `${node.name}_v${pyStr(version).replaceAll('.', '_')}` : node.name;
  }

  #onNullSchema(node: NamedRelation): void {
    if (this.#nullSchemaIsError) {
      throw errorOf('schemaIsNone', { node: node.unique_id });
    }
    this.#state.warnings.deprecated(
      'GenerateSchemaNameNullValueDeprecation',
      `Node '${node.unique_id}' has a schema set to None as a result of a generate_schema_name call. Please ` +
        'set a valid schema name.',
      { resource_unique_id: node.unique_id },
    );
  }
}

/**
 * Macros that replace the built-in rule: key null for every package, otherwise the package that defines the macro.
 * Empty if only the built-in rule applies.
 */
function overriding(
  state: ParseState,
  macros: ReadonlyMap<string, MacroNode>,
  component: Component,
): ReadonlyMap<string | null, MacroNode> {
  const out = new Map<string | null, MacroNode>();
  const name = `generate_${component}_name`;
  const dispatched = new Set(['default', state.adapter.type].map((prefix) => `${prefix}__${name}`));
  let builtin: MacroNode | undefined;
  let dispatchedByUser = false;
  for (const macro of macros.values()) {
    const internal = state.internalPackages.includes(macro.package_name);
    if (macro.name === name) {
      if (internal) {
        if (builtin === undefined || macro.package_name !== 'dbt') builtin = macro;
      } else out.set(macro.package_name === state.root.project_name ? null : macro.package_name, macro);
    } else if (!internal && dispatched.has(macro.name)) dispatchedByUser = true;
  }
  // The built-in macro dispatches to a user's default__generate_x_name, so it must be called.
  if (dispatchedByUser && builtin !== undefined && !out.has(null)) out.set(null, builtin);
  return out;
}
