// Names and ids of generic tests. Expectations are those of dbt's manifests.
import { describe, expect, it } from 'vitest';
import { syntheticTestNames, testHash } from '../../../../src/parser/read/test-names.ts';

describe('syntheticTestNames', () => {
  it.each([
    ['unique', 'orders', { column_name: 'id' }, 'unique_orders_id'],
    [
      'accepted_values',
      'orders',
      { column_name: 'status', values: ['a b', 'c-d', 1, true, null], quote: false },
      'accepted_values_orders_status__False__a_b__c_d__1__True__None',
    ],
    [
      'relationships',
      'orders',
      { column_name: 'c', to: "ref('customers')", field: 'id' },
      'relationships_orders_c__id__ref_customers_',
    ],
    ['any_rows', 'orders', { model: "{{ ref('orders') }}" }, 'any_rows_orders_'],
    ['pairs', 'orders', { map: { a: 1, b: [2] } }, 'pairs_orders_1___2_'],
  ] as const)('builds the name of %s of %s from its arguments', (type, target, args, name) => {
    expect(syntheticTestNames(type, target, args as never)).toEqual([name, name]);
  });

  it('shortens a name of 64 characters and more to 30 and a hash, but keeps the full one', () => {
    const [short, full] = syntheticTestNames('relationships', 'stg_orders', {
      column_name: 'customer_id',
      to: "source('raw', 'orders')",
      field: 'customer_id_with_a_very_long_name_so_that_the_name_of_the_test_is_cut',
    });
    expect(short).toMatch(/^relationships_stg_orders_[0-9a-f]{32}$/);
    expect(full).toBe(
      'relationships_stg_orders_customer_id__' +
        'customer_id_with_a_very_long_name_so_that_the_name_of_the_test_is_cut__source_raw_orders_',
    );
  });
});

describe('testHash', () => {
  it('is the same as in dbt', () => {
    expect(
      testHash('unique_zzz_id', {
        name: 'unique',
        namespace: null,
        kwargs: { column_name: 'id', model: "{{ get_where_subquery(ref('zzz')) }}" },
      }),
    ).toBe('eb09467618');
  });

  it('does not depend on the order of the arguments', () => {
    const hash = (kwargs: Record<string, string>): string => testHash('t', { name: 't', namespace: null, kwargs });
    expect(hash({ a: '1', b: '2' })).toBe(hash({ b: '2', a: '1' }));
  });
});
