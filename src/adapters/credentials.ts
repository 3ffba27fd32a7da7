// The keys of a target in profiles.yml for each adapter type: one table per dialect, defined in the dialect's folder.
import { CLICKHOUSE_CREDENTIALS, CLICKHOUSE_TEMPLATES } from './clickhouse/credentials.ts';
import { POSTGRES_CREDENTIALS, POSTGRES_TEMPLATES } from './postgres/credentials.ts';

/** `integers`: one, or a text with several, separated by commas. */
type FieldType = 'string' | 'integer' | 'integers' | 'boolean' | 'object' | 'array';

export interface CredentialField {
  readonly type: FieldType | readonly FieldType[];
  /** Absent: required. */
  readonly default?: string | number | boolean | null;
  /** True: may be null. */
  readonly nullable?: boolean;
  /** False: not shown in a template's `target` or by `debug`. */
  readonly shown?: boolean;
}

export interface CredentialsSpec {
  readonly type: string;
  /** The database's display name. */
  readonly title: string;
  /** Version of dbt's adapter that is implemented. */
  readonly version: string;
  /** In the order in which jsonschema checks them. */
  readonly fields: { readonly [name: string]: CredentialField };
  /** Aliases of names. */
  readonly aliases: { readonly [alias: string]: string };
  /** Names in the order of dbt's connection_info. */
  readonly shown: readonly string[];
  /** Fields that are optional if the server is embedded, with their default values. */
  readonly embedded?: { readonly [name: string]: string | number };
  /** Completes the credentials, with defaults filled in. @throws if values contradict each other */
  readonly complete?: (given: { readonly [name: string]: unknown }) => { readonly [name: string]: unknown };
  /** Undeclared keys of a node's config that the dialect's macros read. */
  readonly configs: readonly string[];
  /** Data folder of an embedded server, relative to the project. */
  readonly embeddedFolder?: string;
}

/** Returns the table of an adapter type, or undefined if it is unknown. */
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

/** What `init` asks about a database: fixed answers, and questions by key. */
export interface ProfileTemplate {
  readonly title: string;
  readonly fixed: { [key: string]: string | number | boolean };
  readonly prompts: { [key: string]: { [property: string]: string | number | boolean } };
}

/** The databases offered by `init`, the easiest first. */
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
