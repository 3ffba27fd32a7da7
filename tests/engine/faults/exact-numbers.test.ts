// Tests that numbers keep their digits: integers beyond 2^53 in YAML, `config()` and --vars, also from the cached
// parse, and in seeds.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clickhouseMissing } from '../support/clickhouse.ts';
import { ClickhouseLab } from './clickhouse-lab.ts';
import { FaultProject } from './project.ts';

const UNIT_TESTS = `unit_tests:
  - name: other_number
    model: m
    given: [{input: ref('src'), rows: [{id: 9007199254740993}]}]
    expect: {rows: [{id: 9007199254740992}]}
  - name: same_number
    model: m
    given: [{input: ref('src'), rows: [{id: 9007199254740993}]}]
    expect: {rows: [{id: 9007199254740993}]}
`;

describe('a number keeps its digits', () => {
  let project: FaultProject;
  beforeAll(async () => {
    project = await FaultProject.open({
      'models/src.sql': 'select 1::bigint as id',
      'models/m.sql': "select * from {{ ref('src') }}",
      'models/y.yml': UNIT_TESTS,
    });
  });
  afterAll(async () => {
    await project?.close();
  });

  it('in the unit tests of a project that was parsed by an earlier command', async () => {
    const first = await project.run(['run']);
    expect(first.code, first.out).toBe(0);
    for (const parsed of [[], ['--no-partial-parse']]) {
      const { code, out } = await project.run(['test', ...parsed]);
      expect(code).toBe(1);
      expect(out).toMatch(/FAIL 1 m::other_number/);
      expect(out).toMatch(/PASS m::same_number/);
    }
    expect(project.read('target/manifest.json').match(/"id": ?900719925474099[23]/g)).toHaveLength(4);
  });

  it('in --vars', async () => {
    project.write({ 'models/v.sql': "select {{ var('id') }}::bigint as id" });
    const { code, out } = await project.run(['run', '-s', 'v', '--vars', '{id: 9007199254740993}']);
    expect(code, out).toBe(0);
    expect(await project.one('select id from s.v')).toBe('9007199254740993');
    project.remove('models/v.sql');
  });

  it('in the meta of a model, whose view is built and documented', async () => {
    project.write({ 'models/v.sql': "{{ config(meta={'big': 9007199254740993}) }} select 1 as id" });
    for (const command of [
      ['run', '-s', 'v'],
      ['run', '-s', 'v'],
      ['docs', 'generate'],
    ]) {
      const { code, out } = await project.run(command);
      expect(code, out).toBe(0);
    }
    expect(project.read('target/index.html')).toContain('9007199254740993');
    project.remove('models/v.sql');
  });

  it('in a variable of a retried run', async () => {
    const sql = "select {{ var('id') }}::bigint as id";
    project.write({ 'models/v.sql': `${sql} from public.not_there` });
    const failed = await project.run(['run', '-s', 'v', '--vars', '{id: 9007199254740993}']);
    expect(failed.code).toBe(1);
    project.write({ 'models/v.sql': sql });
    const { code, out } = await project.run(['retry']);
    expect(code, out).toBe(0);
    expect(await project.one('select id from s.v')).toBe('9007199254740993');
    project.remove('models/v.sql');
  });

  it.each([
    ['4294967299', 'bigint', '4294967299'],
    ['9223372036854775808', 'numeric', '9223372036854775808'],
    [
      '-123456789012345678901234567890123456789012345678',
      'numeric',
      '-123456789012345678901234567890123456789012345678',
    ],
    ['0.12345678901234567891', 'numeric', '0.12345678901234567891'],
    ['0.30000000000000004', 'double precision', '0.30000000000000004'],
    ['1.10', 'double precision', '1.1'],
  ])('in a seed: %s is of type %s', async (number, type, kept) => {
    project.write({ 'seeds/numbers.csv': `id,n\n1,${number}\n2,2\n` });
    const { code, out } = await project.run(['seed', '--full-refresh']);
    expect(code, out).toBe(0);
    expect(await project.rows('select n, pg_typeof(n) from s.numbers where id = 1')).toEqual([[kept, type]]);
  });
});

describe.skipIf(clickhouseMissing !== null)('a seed on ClickHouse', () => {
  let lab: ClickhouseLab;
  beforeAll(async () => {
    lab = await ClickhouseLab.open({ 'models/none.sql': 'select 1 as a' });
  });
  afterAll(async () => {
    await lab?.close();
  });

  it.each([
    ['3000000000', 'Int64', '3000000000'],
    ['9223372036854775808', 'Int128', '9223372036854775808'],
    ['1234567890'.repeat(6), 'Decimal(60, 0)', '1234567890'.repeat(6)],
    ['1234567.89', 'Float64', '1234567.89'],
    ['1234567.25', 'Float32', '1234567.2'],
    ['0.12345678901234567891', 'Decimal(21, 20)', '0.12345678901234567891'],
    ['1950-01-01', 'Date32', '1950-01-01'],
    ['2400-01-01', 'String', '2400-01-01'],
    ['1950-01-01 10:00:00', 'DateTime64(0)', '1950-01-01 10:00:00'],
  ])('keeps %s, as %s', async (value, type, kept) => {
    lab.write({ 'seeds/sd.csv': `id,v\n1,${value}\n` });
    const { code, out } = await lab.run(['seed', '--full-refresh']);
    expect(code, out).toBe(0);
    expect(await lab.rows(`select toString(v), toTypeName(v) from s.sd`)).toEqual([[kept, type]]);
  });

  it.each([
    ['Int8', '128'],
    ['UInt8', '-1'],
    ['Nullable(Int32)', '3000000000'],
    ['Date', '1950-01-01'],
    ['Nullable(DateTime)', '1950-01-01 00:00:00'],
  ])('that does not fit into a column of %s is rejected', async (type, value) => {
    lab.write({
      'seeds/sd.csv': `id,v\n1,${value}\n`,
      'seeds/sd.yml': `seeds: [{name: sd, config: {column_types: {v: "${type}"}}}]\n`,
    });
    const { code, out } = await lab.run(['seed', '--full-refresh']);
    expect(code, out).toBe(1);
    expect(out.replaceAll(/\s+/g, ' ')).toContain(`into column "v": it is out of the range of ${type}.`);
    lab.remove('seeds/sd.yml');
  });
});
