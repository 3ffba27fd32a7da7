// Relations and columns of ClickHouse as templates see them. Expected values come from dbt-clickhouse 1.10.3's own
// classes.
import { describe, expect, it } from 'vitest';
import { CLICKHOUSE_COLUMN } from '../../../../../src/adapters/clickhouse/column.ts';
import { clickhouseRelation } from '../../../../../src/adapters/clickhouse/relation.ts';
import { Column } from '../../../../../src/adapters/column.ts';
import { Relation } from '../../../../../src/adapters/relation.ts';
import { RelationCache } from '../../../../../src/adapters/relation-cache.ts';
import { PyDateTime } from '../../../../../src/values/datetime.ts';
import { toRepr } from '../../../../../src/values/text.ts';
import type { Callable } from '../../../../../src/values/value.ts';

const dialect = clickhouseRelation({ cluster: null, databaseEngine: null });
const relation = Relation.create(dialect, { schema: 's', identifier: 'i', type: 'table' });
const call = (target: Relation, name: string, ...args: (string | boolean | null)[]): unknown =>
  (target.jinjaGet(name) as Callable)(args, new Map());

describe('a ClickHouse relation', () => {
  it('has two levels and is quoted whatever the policy says', () => {
    expect(relation.jinjaText()).toBe('`s`.`i`');
    expect(relation.jinjaRepr()).toBe('<ClickHouseRelation `s`.`i`>');
    expect(relation.database).toBe('');
    expect(relation.include({ database: true }).render()).toBe('``.`s`.`i`');
    expect(relation.quote({ identifier: false }).render()).toBe('`s`.`i`');
    expect(Relation.create(dialect, { schema: 'a`b', identifier: 'x"y' }).quote({ schema: false }).render()).toBe(
      '`a\\`b`.`x"y`',
    );
    expect(relation.withoutIdentifier().render()).toBe('`s`');
  });

  it('rejects a database that differs from the schema', () => {
    expect(() => Relation.create(dialect, { database: 'd', schema: 's', identifier: 'i' })).toThrow(
      'Cannot set database d in clickhouse!',
    );
    expect(toRepr(Relation.create(dialect, { database: 's', schema: 's', identifier: 'i' }).toDict())).toBe(
      "{'path': {'database': '', 'schema': 's', 'identifier': 'i'}, " +
        "'quote_character': '`', 'include_policy': {'database': False, 'schema': True, 'identifier': True}, " +
        "'quote_policy': {'database': True, 'schema': True, 'identifier': True}, " +
        "'dbt_created': False, 'require_alias': False, 'renameable_relations': [], 'replaceable_relations': []," +
        " 'can_exchange': False, 'can_on_cluster': False, 'is_temporary': False, " +
        "'mvs_pointing_to_it': [], 'is_refreshable': False, 'refreshable_append': False}",
    );
  });

  it('knows its cluster and passes it on to derived names', () => {
    const clustered = clickhouseRelation({ cluster: 'c', databaseEngine: null });
    const own = clustered.fromNode!({ resource_type: 'model', config: {} }).own!;
    expect(own).toEqual({ can_on_cluster: true });
    expect(clustered.fromNode!({ resource_type: 'model', config: { disable_on_cluster: true } }).own).toEqual({
      can_on_cluster: null,
    });
    expect(
      clickhouseRelation({ cluster: 'c', databaseEngine: 'Replicated' }).fromNode!({ resource_type: 'model' }).own,
    ).toEqual({ can_on_cluster: null });
    const made = call(
      Relation.create(clustered, { schema: 's', identifier: 'i', own }),
      'derivative',
      '_mv',
      'materialized_view',
    ) as Relation;
    expect([made.render(), made.type, made.jinjaGet('can_on_cluster'), made.jinjaGet('should_on_cluster')]).toEqual([
      '`s`.`i_mv`',
      'materialized_view',
      true,
      true,
    ]);
    expect((call(relation, 'derivative', 'zz', null, true) as Relation).identifier).toBe('zz');
    expect([
      relation.jinjaGet('should_on_cluster'),
      relation.withoutIdentifier().jinjaGet('should_on_cluster'),
    ]).toEqual([false, true]);
    // Of a relation that the adapter knows nothing of, not even that.
    const unknown = Relation.create(clustered, { schema: 's', identifier: 'i', own: { can_on_cluster: null } });
    expect(unknown.jinjaGet('should_on_cluster')).toBe(null);
    const derived = call(unknown, 'derivative', '_x', 'view') as Relation;
    expect(derived.jinjaGet('can_on_cluster')).toBe(null);
  });

  it('reads a source from the database that the source names', () => {
    expect(dialect.fromNode!({ resource_type: 'source', source_name: 'raw', schema: 'raw', database: 'lake' })).toEqual(
      { database: '', schema: 'lake', own: { can_on_cluster: null } },
    );
    expect(
      dialect.fromNode!({ resource_type: 'source', source_name: 'raw', schema: 'other', database: 'lake' }),
    ).toEqual({ database: '', own: { can_on_cluster: null } });
  });

  it('writes the times of an event-time filter to the second', () => {
    const start = new PyDateTime({ year: 2026, month: 1, day: 2, hour: 3, minute: 4, second: 5, microsecond: 600 });
    expect(relation.with({ eventTimeFilter: { fieldName: 'at', start, end: null } }).jinjaText()).toBe(
      "(select * from `s`.`i` where at >= cast(toDateTime64('2026-01-02 03:04:05', 0, 'UTC'), " +
        "if(position(toTypeName(at), 'String') > 0, 'String', 'DateTime64(0, \\'UTC\\')')))",
    );
  });

  it('is case-sensitive in the cache and has no database there', () => {
    const cache = new RelationCache(true);
    cache.replace(relation);
    expect(cache.get({ database: 'x', schema: 's', identifier: 'i' })).toBe(relation);
    expect(cache.get({ database: null, schema: 's', identifier: 'I' })).toBeUndefined();
  });
});

describe('a ClickHouse column', () => {
  const rows: readonly (readonly [string, string, string, string, string, string, number | null])[] = [
    ['String', 'String', 'String', 'a String', 'string', 'toString(1)', 256],
    ['FixedString(16)', 'FixedString(16)', 'String', 'a String', 'string', 'toFixedString(16)(1)', 16],
    [
      'LowCardinality(Nullable(String))',
      'String',
      'LowCardinality(Nullable(String))',
      'a Nullable(LowCardinality(Nullable(String)))',
      'string nullable low',
      'toString(1)',
      256,
    ],
    [
      'Nullable(Decimal(10, 2))',
      'Decimal(10, 2)',
      'Nullable(Decimal(10, 2))',
      'a Nullable(Nullable(Decimal(10, 2)))',
      'numeric number nullable',
      'toDecimal(10, 2)(1)',
      null,
    ],
    ['UInt64', 'UInt64', 'UInt64', 'a UInt64', 'integer number', 'toUInt64(1)', null],
    [
      'Nullable(DateTime64(3))',
      'DateTime64(3)',
      'Nullable(DateTime64(3))',
      'a Nullable(Nullable(DateTime64(3)))',
      'nullable',
      'toDateTime64(3)(1)',
      null,
    ],
    [
      'Array(Nullable(String))',
      'Array(Nullable(String))',
      'Array(Nullable(String))',
      'a Array(Nullable(String))',
      '',
      'toArray(Nullable(String))(1)',
      null,
    ],
    ['Float64', 'Float64', 'Float64', 'a Float64', 'float number', 'toFloat64(1)', null],
    [
      'LowCardinality(FixedString(3))',
      'FixedString(3)',
      'LowCardinality(String)',
      'a LowCardinality(String)',
      'string low',
      'toFixedString(3)(1)',
      3,
    ],
    ['Decimal64(2)', 'Decimal64(2)', 'Decimal(0, 0)', 'a Decimal(0, 0)', 'numeric number', 'toDecimal64(2)(1)', null],
  ];
  it.each(rows)('splits the type %s', (type, dtype, dataType, text, kinds, literal, size) => {
    const column = new Column(CLICKHOUSE_COLUMN, 'a', type);
    const is = [
      column.isString && 'string',
      column.isInteger && 'integer',
      column.isNumeric && 'numeric',
      column.isFloat && 'float',
      column.isNumber && 'number',
      column.jinjaGet('is_nullable') === true && 'nullable',
      column.jinjaGet('is_low_cardinality') === true && 'low',
    ]
      .filter((word) => word !== false)
      .join(' ');
    expect([
      column.dtype,
      column.dataType,
      column.jinjaText(),
      is,
      (column.jinjaGet('literal') as Callable)(['1'], new Map()),
    ]).toEqual([dtype, dataType, text, kinds, literal]);
    expect(column.isString ? column.stringSize() : null).toBe(size);
    expect(column.jinjaRepr()).toBe(
      `<ClickhouseColumn a (${dataType}, is nullable: ${kinds.includes('nullable') ? 'True' : 'False'})>`,
    );
  });
});
