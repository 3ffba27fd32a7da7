// Relations, columns and the adapter's pure methods in templates, against recordings of real dbt-postgres
// (tests/oracle/relation.py).
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ColumnClass } from '../../../../src/adapters/column.ts';
import { PostgresAdapter } from '../../../../src/adapters/postgres/adapter.ts';
import { POSTGRES_COLUMN } from '../../../../src/adapters/postgres/column.ts';
import { POSTGRES_RELATION } from '../../../../src/adapters/postgres/relation.ts';
import { Relation, RelationClass } from '../../../../src/adapters/relation.ts';
import { createAdapterObject } from '../../../../src/context/adapter-object.ts';
import { relationFrom } from '../../../../src/context/relations.ts';
import type { Credentials, RuntimeConfig } from '../../../../src/contracts/project.ts';
import { Environment } from '../../../../src/jinja/index.ts';
import { TsdbtError } from '../../../../src/errors.ts';
import { fromJson } from '../../../../src/values/json.ts';
import type { Value } from '../../../../src/values/value.ts';
import type { Session } from '../../../../src/adapters/adapter.ts';

const golden = JSON.parse(readFileSync(new URL('./golden/relation.json', import.meta.url), 'utf8')) as {
  expression: string;
  text?: string;
  error?: string;
  message?: string;
}[];

const adapter = new PostgresAdapter({
  credentials: {
    type: 'postgres',
    database: 'db',
    schema: 'sc',
    host: 'h',
    port: 5432,
    user: 'u',
    password: 'secret',
  } as Credentials,
  threads: 1,
  quoting: {},
});
const config = {
  project: { project_name: 'p', quoting: { identifier: false }, flags: {} },
  profile: { credentials: { database: 'db' }, profile_name: 'p', target_name: 't', threads: 1 },
  flags: {},
} as unknown as RuntimeConfig;
const dispatch = (): never => {
  throw new Error('not here');
};
const noSession = { name: 'model.p.m' } as unknown as Session;

const names: Readonly<Record<string, Value>> = {
  Relation: new RelationClass(POSTGRES_RELATION, { database: true, schema: true, identifier: false }),
  Column: new ColumnClass(POSTGRES_COLUMN),
  adapter: createAdapterObject({ adapter, config, dispatch, session: noSession, executeMacro: async () => null }),
  parsing: createAdapterObject({ adapter, config, dispatch, session: null }),
  filter_both: fromJson({
    field_name: 'at',
    start: '2024-01-01T00:00:00+00:00',
    end: '2024-01-02T03:04:05.000006+00:00',
  }),
  filter_start: fromJson({ field_name: 'at', start: '2024-01-01T00:00:00+00:00' }),
  filter_end: fromJson({ field_name: 'at', end: '2024-01-02T03:04:05.000006+00:00' }),
};

function render(expression: string): string {
  const template = new Environment().compile(`{{ ${expression} }}`, { name: 'test' });
  return template.renderSync({ get: (name) => names[name] });
}

// jinja2 counts dbt's relations among the mappings, and raises when asked whether they can be iterated; nothing uses
// either.
// A quote within a name is doubled; dbt leaves it, so that the name becomes SQL.
const DIFFERENT = new Set([
  ...['mapping', 'iterable'].map(
    (kind) => `Relation.create(database='db', schema='sc', identifier='Tab', type='table') is ${kind}`,
  ),
  `adapter.quote('a"b')`,
]);

describe('a relation renders as in dbt:', () => {
  test.each(golden.filter((c) => !DIFFERENT.has(c.expression)).map((c) => [c.expression, c] as const))(
    '%s',
    (expression, expected) => {
      if (expected.text !== undefined) expect(render(expression)).toBe(expected.text);
      else {
        let message: unknown;
        try {
          message = render(expression);
        } catch (error) {
          message = error instanceof TsdbtError ? error.message : error;
        }
        expect(message).toBe(expected.message);
      }
    },
  );
});

describe('the name of a relation', () => {
  test('has at most 63 bytes, unless the relation is temporary', () => {
    const make = (identifier: string): Relation => Relation.create(POSTGRES_RELATION, { identifier, type: 'table' });
    expect(() => make('é'.repeat(32))).toThrow(
      "Relation name 'éééééééééééééééééééééééééééééééé' is longer than 63 bytes",
    );
    expect(make(`${'é'.repeat(31)}__dbt_tmp`).identifier).toHaveLength(40);
  });

  test("is quoted by its source, then the project, then the dialect, and never by a model's config", () => {
    const node = { database: 'd', schema: 's', alias: 'i', quoting: { schema: false } };
    const model = { database: 'd', schema: 's', alias: 'i', config: { quoting: { schema: false } } };
    expect(relationFrom(adapter, {}, model).render()).toBe('"d"."s"."i"');
    expect(relationFrom(adapter, { identifier: false }, node).render()).toBe('"d".s.i');
    expect(
      relationFrom(
        adapter,
        {},
        { database: 'd', schema: 's', identifier: 'src', quoting: { database: false } },
      ).render(),
    ).toBe('d."s"."src"');
  });

  test('is an unquoted CTE for an ephemeral model', () => {
    expect(Relation.createEphemeral(POSTGRES_RELATION, 'm').jinjaText()).toBe('__dbt__cte__m');
  });
});

describe('the adapter object in a template', () => {
  test.each([
    ['adapter.type()', 'postgres'],
    ['adapter.quote_as_configured("a", "schema")', '"a"'],
    ['adapter.quote_as_configured("a", "identifier")', 'a'],
    ['adapter.quote_as_configured("a", "nope")', 'a'],
    ['adapter.quote_seed_column("a", none)', '"a"'],
    ['adapter.quote_seed_column("a", false)', 'a'],
    ['adapter.verify_database("DB")', ''],
    [
      'adapter.parse_index({"columns": ["a", "b"], "unique": true})',
      "PostgresIndexConfig(columns=['a', 'b'], unique=True, type=None)",
    ],
    ['adapter.parse_index(none)', 'None'],
    ['adapter.behavior.require_batched_execution_for_custom_microbatch_strategy.no_warn', 'False'],
    ['"yes" if adapter.behavior.postgres_skip_autocommit_transaction_statements else "no"', 'yes'],
    ['adapter.nope', ''],
    ['adapter.config.credentials.database', 'db'],
    ['adapter.config.credentials.password', ''],
    ['adapter.config.quoting', "{'database': True, 'schema': True, 'identifier': False}"],
    ['adapter.Relation.create(schema="s", identifier="i")', '"s".i'],
    ['adapter.build_catalog_relation({"config": {}})', 'None'],
  ])('evaluates %s', (expression, expected) => {
    expect(render(expression)).toBe(expected);
  });

  test.each([
    ['adapter.verify_database("other")', 'Cross-db references not allowed in postgres (other vs db)'],
    [
      'adapter.parse_index({"unique": true})',
      "Could not parse index config: at path []: 'columns' is a required property",
    ],
    ['adapter.parse_index("a")', "Could not parse index config: at path []: 'a' is not of type 'object'"],
    [
      'adapter.parse_index({"columns": "a"})',
      "Could not parse index config: at path ['columns']: 'a' is not of type 'array'",
    ],
    [
      'adapter.parse_index({"columns": ["a"], "unique": "yes"})',
      "Could not parse index config: at path ['unique']: 'yes' is not of type 'boolean'",
    ],
    [
      'adapter.parse_index({"columns": ["a"], "typ": "x"})',
      "Could not parse index config: at path []: Additional properties are not allowed ('typ' was unexpected)",
    ],
    [
      'adapter.parse_index({"kolumns": ["a"], "gone": 1})',
      "Could not parse index config: at path []: Additional properties are not allowed ('gone', 'kolumns' " +
        'were unexpected)',
    ],
    [
      'adapter.parse_index({"columns": ["a", 1]})',
      "Could not parse index config: at path ['columns'][1]: 1 is not of type 'string'",
    ],
    [
      'adapter.parse_index({"type": 5})',
      "Could not parse index config: at path ['type']: 5 is not valid under any of the given schemas",
    ],
    [
      'adapter.dispatch("p.m")',
      'In adapter.dispatch, got a macro name of "p.m", but "." is not a valid macro name component. Did you ' +
        'mean `adapter.dispatch("m", macro_namespace="p")`?',
    ],
    ['adapter.behavior.nope', 'The flag nope has not been registered.'],
    [
      'adapter.quote_seed_column("a", "yes")',
      'The seed configuration value of "quote_columns" has an invalid type <class \'str\'>',
    ],
    [
      'adapter.get_incremental_strategy_macro({}, "insert_overwrite")',
      "The incremental strategy 'insert_overwrite' is not valid for this adapter",
    ],
    [
      'adapter.get_incremental_strategy_macro({}, "mine")',
      'dbt could not find an incremental strategy macro with the name "get_incremental_mine_sql" in p',
    ],
    ['adapter.quote()', "quote() missing 1 required positional argument: 'identifier'"],
  ])('rejects %s', (expression, message) => {
    expect(() => render(expression)).toThrow(message);
  });

  test.each([
    ['parsing.execute("select 1")', "('', <agate.table.Table object>)"],
    ['parsing.get_relation("a", "b", "c")', 'None'],
    ['parsing.get_columns_in_relation(nope)', '[]'],
    ['parsing.check_schema_exists("a", "b")', 'False'],
    ['parsing.add_query("x")', '(None, None)'],
    ['parsing.drop_relation()', 'None'],
    ['parsing.get_missing_columns(1, 2)', '[]'],
    ['parsing.already_exists("a", "b")', 'False'],
    ['parsing.quote("a")', '"a"'],
    ['parsing.type()', 'postgres'],
  ])('evaluates %s without the database while parsing', (expression, expected) => {
    expect(render(expression)).toBe(expected);
  });
});
