// Tests which statements isClosed (src/adapters/postgres/open-end.ts) recognizes as incomplete.
import { describe, expect, it } from 'vitest';
import { isClosed } from '../../../../src/adapters/postgres/open-end.ts';

describe('isClosed', () => {
  it.each([
    'select 1',
    "select 'it''s', E'it\\'s', e'\\\\', U&'x\\', 'c:\\'",
    'select "a""b"',
    "select 1 -- don't",
    'select 1 /* it\'s /* " */ $$ */',
    'select $$ \' " /* $$, $x$ $$ $y$ $x$',
    'select a$b$c, $1',
    "select 'é' /**/",
    "-- a\n/* b */ select ' -- ' , '/*'",
    "select name'x'",
  ])('returns true for %s', (sql) => expect(isClosed(sql)).toBe(true));

  it.each([
    "select 'abc",
    "select 'it''",
    "select E'it\\'",
    'select "abc',
    'select 1 /* open',
    'select 1 /* /* */',
    'select $$abc',
    'select $x$ $$',
    "select $é$ '$e$",
    "select '--\n",
  ])('returns false for %s', (sql) => expect(isClosed(sql)).toBe(false));
});
