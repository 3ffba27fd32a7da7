// Statements below a long header of comments. Each comment must be readable in one way only: otherwise the time to
// classify the statement doubles with every comment, in the program and in the embedded server.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FaultProject } from '../faults/project.ts';
import { clickhouseAdapter, clickhouseFolder, clickhouseMissing, textsOf } from '../support/clickhouse.ts';

const HEADER = Array.from({ length: 40 }, (_, line) => `/* line ${line} of a header */\n-- and -- more\n`).join('');

describe.skipIf(clickhouseMissing !== null)('a long header of comments on ClickHouse', () => {
  const adapter = clickhouseAdapter('hostile_comments');
  let project: FaultProject;
  beforeAll(async () => {
    project = await FaultProject.open({
      'profiles.yml':
        `faults: {target: dev, outputs: {dev: {type: clickhouse, path: ${clickhouseFolder()}, threads: 2, ` +
        'schema: hostile_comments}}}\n',
      'macros/tidy.sql': `{% macro tidy() %}${HEADER}optimize table {{ this }} final{% endmacro %}\n`,
      'models/m.sql':
        "{{ config(materialized='table', order_by='id', post_hook='{{ tidy() }}') }}\n" + `${HEADER}select 1 as id`,
    });
  });
  afterAll(async () => {
    await textsOf(adapter, 'drop database if exists hostile_comments');
    await adapter.close();
    await project.close();
  });

  it('does not prevent a hook or a query from running', async () => {
    const { code, out } = await project.run(['run']);
    expect({ code, out: code === 0 ? '' : out }).toEqual({ code: 0, out: '' });
    const shown = await project.run(['show', '--inline', `${HEADER}select id from {{ ref('m') }}`, '--output', 'json']);
    expect(shown.code).toBe(0);
  });
});
