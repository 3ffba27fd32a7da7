// The keys of a target in profiles.yml, for each type of adapter: a table per dialect, filled in the dialect's
// folder. Leaves reading of profiles.yml to the project layer and connecting to the adapters.
import { CLICKHOUSE_CREDENTIALS, CLICKHOUSE_TEMPLATES } from './clickhouse/credentials.ts';
import { POSTGRES_CREDENTIALS, POSTGRES_TEMPLATES } from './postgres/credentials.ts';

/** `integers`: one, or a text of several with commas. */
type FieldType = 'string' | 'integer' | 'integers' | 'boolean' | 'object' | 'array';

export interface CredentialField {
  readonly type: FieldType | readonly FieldType[];
  /** Absent means required. */
  readonly default?: string | number | boolean | null;
  /** True: may be null. */
  readonly nullable?: boolean;
  /** False: shown neither to a template's `target` nor by `debug`. */
  readonly shown?: boolean;
}

export interface CredentialsSpec {
  readonly type: string;
  /** The database's name as people write it. */
  readonly title: string;
  /** Version of dbt's adapter whose behaviour this is. */
  readonly version: string;
  /** In the order in which jsonschema checks them. */
  readonly fields: { readonly [name: string]: CredentialField };
  /** Other spellings: alias to name. */
  readonly aliases: { readonly [alias: string]: string };
  /** Names in the order of dbt's connection_info. */
  readonly shown: readonly string[];
  /** Fields that need not be given when the server is embedded, with the values they then have. */
  readonly embedded?: { readonly [name: string]: string | number };
  /** Completes the credentials, defaults filled in. @throws when values contradict each other */
  readonly complete?: (given: { readonly [name: string]: unknown }) => { readonly [name: string]: unknown };
  /** Keys of a node's config that no field declares and that the dialect's own macros read. */
  readonly configs: readonly string[];
  /** Below the project: where an embedded server keeps its data. */
  readonly embeddedFolder?: string;
}

/** The table of a type of adapter, or undefined when there is no such adapter. */
export function credentialsSpec(type: string): CredentialsSpec | undefined {
  return SPECS.get(type);
}

/** Every dialect's table. */
export function allSpecs(): readonly CredentialsSpec[] {
  return [...SPECS.values()];
}

const SPECS: ReadonlyMap<string, CredentialsSpec> = new Map(
  [POSTGRES_CREDENTIALS, CLICKHOUSE_CREDENTIALS].map((spec) => [spec.type, spec]),
);

/** What `init` asks about a database: answers that are given already, and questions by key. */
export interface ProfileTemplate {
  readonly title: string;
  readonly fixed: { [key: string]: string | number | boolean };
  readonly prompts: { [key: string]: { [property: string]: string | number | boolean } };
}

/** The databases that `init` offers, the easiest first. */
export function profileTemplates(): readonly ProfileTemplate[] {
  return [...POSTGRES_TEMPLATES, ...CLICKHOUSE_TEMPLATES];
}

interface BuiltInTarget {
  readonly spec: CredentialsSpec;
  readonly fields: { readonly [name: string]: string | boolean };
}

/** Targets that need no profiles.yml, by name; the first is the default. */
export const BUILT_IN_TARGETS: ReadonlyMap<string, BuiltInTarget> = new Map<string, BuiltInTarget>([
  ['embedded', { spec: POSTGRES_CREDENTIALS, fields: { embedded: true } }],
  [
    CLICKHOUSE_CREDENTIALS.type,
    {
      spec: CLICKHOUSE_CREDENTIALS,
      fields: { path: CLICKHOUSE_CREDENTIALS.embeddedFolder ?? '', schema: 'analytics' },
    },
  ],
]);
