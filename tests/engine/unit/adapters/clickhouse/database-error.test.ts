// The error messages of ClickHouse as users see them.
import { ClickHouseError } from '@clickhouse/client';
import { expect, it } from 'vitest';
import { databaseError } from '../../../../../src/adapters/clickhouse/database-error.ts';

it('a server whose disk has no EXCHANGE gets an error with a hint what to do', () => {
  const sql = 'exchange TABLES `s`.`m__dbt_tmp` and `s`.`m`';
  const refusal = new ClickHouseError({
    message: 'RENAME EXCHANGE is not supported because exchanging files is not supported by the OS (Invalid argument)',
    code: '1',
    type: 'UNSUPPORTED_METHOD',
  });
  const { message, details } = databaseError(refusal, { sql, text: sql, start: 0 }, null);
  expect([message, details.hint]).toEqual([
    'Code: 1. DB::Exception: RENAME EXCHANGE is not supported because exchanging files is not supported by the ' +
      'OS (Invalid argument) (UNSUPPORTED_METHOD)',
    'The disk of the database cannot exchange tables. Nothing was changed: move the relation to another disk, ' +
      'or drop it and run again.',
  ]);
});

it.each([
  ['47', 'Unknown expression identifier `amont` in scope SELECT id, amont FROM t.', '  amont,'],
  ['46', 'Function with name `toFoo` does not exist. In scope SELECT toFoo(id).', '  toFoo(id)'],
  ['215', 'Column t.price is not under aggregate function and not in GROUP BY keys.', '  price as p'],
  ['184', 'Aggregate function sum(id) is found in WHERE in query.', 'where sum(id) > 1'],
  ['41', "Cannot parse string 'no date' as DateTime: syntax error at position 0", "  toDateTime('no date')"],
])('an error %s without a position points to the line of what it names, not to a comment', (code, message, line) => {
  const sql = `create view v as
-- amont toFoo price sum 'no date'
select
  amont,
  toFoo(id),
  price as p,
  toDateTime('no date')
from t
where sum(id) > 1 or amont > 2`;
  const { details } = databaseError(
    new ClickHouseError({ message, code, type: 'X' }),
    { sql, text: sql, start: 0 },
    null,
  );
  const before = [...sql].slice(0, (details.position ?? 1) - 1).join('');
  expect(sql.split('\n')[before.split('\n').length - 1]).toContain(line);
});

it('the errors for a semicolon and for a unit without quotes hint what to write', () => {
  const refused = (sql: string, code: string, message: string): string | undefined =>
    databaseError(new ClickHouseError({ message, code, type: 'X' }), { sql, text: sql, start: 0 }, null).details.hint;
  expect(refused('(select 1;)', '62', 'Syntax error: failed at position 10 (;): ;)')).toMatch(/^Remove the semicolon/);
  expect(refused('select datediff(day, a, b)', '47', 'Unknown expression identifier `day` in scope x')).toMatch(
    /'day'/,
  );
});
