// The tokens of ClickHouse SQL, and the spelling of a statement that the embedded engine gets.
import { describe, expect, it } from 'vitest';
import { certainTokens, formatClause, respelled } from '../../../../../src/adapters/clickhouse/sql-tokens.ts';
import { guardStatement } from '../../../../../src/adapters/clickhouse/statement-guard.ts';

describe('a statement for the embedded engine', () => {
  it.each([
    ['a comment becomes blanks', 'select /* { error 62 } */ 1 -- x', `select ${' '.repeat(18)} 1     `],
    ['a comment keeps its lines', 'select 1 /* a\nb */ # c\n, 2', 'select 1     \n        \n, 2'],
    ['a nested comment becomes blanks', 'select 1 /* /* */ */, 2', 'select 1            , 2'],
    [
      'a heredoc becomes a text of the same length',
      'select $ab$it -- { error 62 }$ab$, 2',
      "select    'it -- { error 62 }'   , 2",
    ],
    ['a heredoc keeps its quotes', "select $$it's \\ $$", "select  'it\\'s \\\\ ' "],
    ['two heredocs stay two texts', 'select $$a$$$$b$$', "select  'a'  'b' "],
    ['a decoded letter is written as itself', "select `fi\\x6ce`('\\x27\\x5c\\xe4')", "select `file`('\\'\\\\\\xe4')"],
    ['an escape without a character disappears', "select 'a\\Nb'", "select 'ab'"],
    ['an unknown escape keeps its backslash', "select '\\d\\n\\'\\\"'", "select '\\\\d\\n\\'\"'"],
    ['an unusual blank becomes blanks of its bytes', 'select\u00a0\u200b1', 'select     1'],
    ['a comment at the start becomes an empty comment', '\n/* é */ -- x\nselect 1', '\n/**/         \nselect 1'],
    ['quoted comments stay', "select '-- a', `/* b */`", "select '-- a', `/* b */`"],
  ])('%s', (_name, sql, expected) => {
    const spelled = respelled(sql, certainTokens(sql) ?? []);
    expect(spelled).toBe(expected);
    expect(spelled.includes('$') || certainTokens(spelled)?.map(({ value }) => value)).toEqual(
      certainTokens(sql)?.map(({ value }) => value),
    );
  });

  it('keeps the rows of an INSERT', () => {
    const rows = " ('\\x41 -- a', 1), -- b\n ('c', /* d */ 2) -- e";
    expect(guardStatement(`insert /* x */ into t values${rows}`)).toBe(`insert         into t values${rows}`);
  });

  it('is the only one in its text', () => {
    for (const sql of ['select 1; select 2', "insert into t values ('a'); select 2", '; select 1'])
      expect(() => guardStatement(sql)).toThrow(/Multi-statements are not allowed|begins with ;/);
    expect(guardStatement('select 1;\n;')).toBe('select 1;\n;');
  });
});

describe('the FORMAT of a statement', () => {
  it.each([
    ['select 1 format JSON', 'JSON', 9],
    ['select 1 -- x\nformat /* y */ `TSV` ; ;', 'TSV', 14],
    ["select 1 format CSV settings a = ' format TSV'", 'CSV', 9],
    ["select ' format TSV settings '", undefined, undefined],
    ['select format from t', undefined, undefined],
    ["select format('{}', 1)", undefined, undefined],
    ['select 1 /* format TSV */', undefined, undefined],
  ])('is found in %j', (sql, format, start) => {
    const found = formatClause(certainTokens(sql) ?? []);
    expect([found?.format, found?.start]).toEqual([format, start]);
  });
});
