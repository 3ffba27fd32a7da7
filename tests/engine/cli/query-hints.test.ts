// Tests the hints for beginners' mistakes and for SQL that was pasted from an article.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FaultProject } from '../faults/project.ts';

const MODELS: Readonly<Record<string, string>> = {
  base: "{{ config(materialized='table') }} select 1 as id",
  typographic: "select ‘a’ as x from {{ ref('base') }}",
  invisible: "select id\u00a0as x from {{ ref('base') }}",
  semicolon: "select id as x from {{ ref('base') }};",
  alias: "select id * 2 as twice\nfrom {{ ref('base') }}\nwhere twice > 1",
  unit: 'select datediff(day, current_date, current_date) as d',
  other: "select ifnull(id, 0) as d from {{ ref('base') }}",
  now: 'select current_timestamp() as t',
  honest: "-- ‘quoted’; as missing\nselect missing from {{ ref('base') }}",
};
let project: FaultProject;
let out: string;
/** What is printed of one node's error. */
const of = (name: string): string => out.split('[ERROR]: in ').find((part) => part.includes(` ${name} (`)) ?? '';

beforeAll(async () => {
  project = await FaultProject.open({
    ...Object.fromEntries(Object.entries(MODELS).map(([name, sql]) => [`models/${name}.sql`, sql])),
    'tests/counts.sql': "select count(*) from {{ ref('base') }} where id > 5",
    'tests/own.sql': 'select * from {{ this }} where id > 5',
  });
  await project.run(['run', '--select', 'base']);
  ({ out } = await project.run(['build', '--exclude', 'base', '--indirect-selection', 'eager']));
  out += (await project.run(['test'])).out;
});
afterAll(() => project.close());

describe('the hint of an error', () => {
  it.each([
    ['typographic', 'The SQL has the typographic quote ‘ (U+2018)'],
    ['invisible', 'The SQL has an invisible character (U+00A0)'],
    ['semicolon', 'Remove the semicolon'],
    ['alias', '"twice" is an alias of the SELECT list, which WHERE does not see'],
    ['unit', "Postgres has no function datediff: write {{ dbt.datediff('first_date', 'second_date', 'day') }}."],
    ['other', 'Postgres has no function ifnull: write coalesce(a, b).'],
    ['now', 'Postgres writes current_timestamp without parentheses'],
    ['counts', 'this query gives one row whatever it counts'],
    ['own', "`this` of a test is the table of its own failures. Name the model: {{ ref('model') }}."],
  ])('is given for %s', (name, hint) => {
    expect(of(name)).toContain(hint);
  });

  it('ignores comments', () => {
    expect(of('honest')).toContain('column "missing" does not exist');
    expect(of('honest')).not.toMatch(/typographic|alias|semicolon/);
  });

  it('is given for a typographic quote in a template', async () => {
    project.write({ 'models/quoted.sql': 'select * from {{ ref(‘base’) }}' });
    expect((await project.run(['parse'])).out).toMatch(/unexpected char '‘' at \d+\. Use ' or " instead/);
    project.remove('models/quoted.sql');
  });

  it('is given for a snapshot block outside of snapshot-paths', async () => {
    project.write({ 'tests/snap.sql': '{% snapshot s %} select 1 as id {% endsnapshot %}' });
    expect((await project.run(['parse'])).out).toContain('Move the file into a folder of snapshot-paths');
    project.remove('tests/snap.sql');
  });
});
