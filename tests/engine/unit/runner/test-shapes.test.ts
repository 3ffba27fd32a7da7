// Tests what is recognized in the compiled SQL of a test.
import { expect, it } from 'vitest';
import { shapeOf } from '../../../../src/runner/test-shapes.ts';

const R = '"db"."s"."t"';
const PART = `(select * from ${R} where kind = 'a  (b' and (x > 1)) dbt_subquery`;

it.each([
  [`\nselect id\nfrom ${R}\nwhere id is null\n`, '(id is null)'],
  [`select "Id"\nfrom ${PART}\nwhere "Id" is null`, `((kind = 'a  (b' and (x > 1)) and ("Id" is null))`],
  [
    `with all_values as (\n    select c as value_field, count(*) as n_records\n    from ${R}\n    group by c\n)\n` +
      "select *\nfrom all_values\nwhere value_field not in (\n    'a','it''s'\n)",
    "(c not in ('a','it''s'))",
  ],
  [`select\n    1\nfrom ${R}\n\nwhere not(a + b = 1)\n`, '(not(a + b = 1))'],
  [
    `with meet_condition as(\n  select *\n  from ${R}\n),\n\nvalidation_errors as (\n  select *\n` +
      '  from meet_condition\n  where\n    -- never true\n    1 = 2\n    -- a (comment\n    or not a >= 0\n)\n\n' +
      'select *\nfrom validation_errors',
    '(1 = 2 or not a >= 0)',
  ],
  [
    `with\n    all_values as (\n\n        select \n            trim(a) as a\n        from ${R}\n    ),\n` +
      "    errors as (\n        select * from all_values\n        where a = ''\n    )\n    select * from errors",
    "(trim(a) = '')",
  ],
])('shapeOf recognizes a test for rows: %s', (code, condition) => {
  expect(shapeOf(code, R)).toEqual({ kind: 'rows', condition });
});

it('shapeOf recognizes a unique test', () => {
  const unique = (from: string): string =>
    `select id as unique_field, count(*) as n_records\nfrom ${from}\nwhere id is not null\ngroup by id\n` +
    'having count(*) > 1';
  expect(shapeOf(unique(R), R)).toEqual({ kind: 'unique', columns: 'id', where: null, single: true });
  expect(shapeOf(unique(PART), R)).toMatchObject({ where: "kind = 'a  (b' and (x > 1)" });
  const several =
    `with validation_errors as (\n  select\n    a, b\n  from ${R}\n  group by a, b\n  having count(*) > 1\n)\n` +
    'select *\nfrom validation_errors';
  expect(shapeOf(several, R)).toEqual({ kind: 'unique', columns: 'a, b', where: null, single: false });
});

it.each([
  ['it refers', R, 'id', 'settings join_use_nulls = 1', { column: 'c', where: null, parent: 'other', field: 'id' }],
  ['it refers from some', PART, 'id', 'settings join_use_nulls = 1', { where: "kind = 'a  (b' and (x > 1)" }],
  ['without NULL for what is missing', R, 'id', '', null],
  ['another relation than the tested', 'other', 'id', 'settings join_use_nulls = 1', null],
  ['an expression', R, 'id + 1', 'settings join_use_nulls = 1', null],
])('shapeOf recognizes a relationships test: %s', (_what, from, field, settings, reference) => {
  const code =
    `\nwith child as (\n    select c as from_field\n    from ${from}\n    where c is not null\n),\n\nparent as (\n` +
    `    select ${field} as to_field\n    from other\n)\n\nselect child.from_field as from_field\nfrom child\n` +
    `left join parent on parent.to_field = child.from_field\nwhere parent.to_field is null\n-- end\n${settings}\n`;
  const expected = { kind: 'whole', sql: code.trim(), reference };
  if (reference === null) expect(shapeOf(code, R)).toEqual(expected);
  else expect(shapeOf(code, R)).toMatchObject(expected);
});

it.each([
  ['another relation', 'select id from "db"."s"."other" where id is null'],
  ['another column', `select id from ${R} where a is null`],
  ['an expression', `select a || b from ${R} where a || b is null`],
  [
    'a position',
    `select 1 as unique_field, count(*) as n_records from ${R} where 1 is not null group by 1 having count(*) > 1`,
  ],
  ['an aggregate', `select count(*) from ${R} where id is null`],
  [
    'a condition that leaves its parentheses',
    `select id from (select * from ${R} where a) or (b) dbt_subquery where id is null`,
  ],
  ['a comment in it', `select 1 from ${R} where a /* b */ = 1`],
  ['an open quote', `select 1 from ${R} where a = 'b`],
  ['more than a condition', `select 1 from ${R} where a = 1 group by b having count(*) > 1`],
  ['two statements', `select 1 from ${R} where a = 1; select 2`],
])('shapeOf does not recognize %s', (_what, code) => {
  expect(shapeOf(code, R)).toBeNull();
});
