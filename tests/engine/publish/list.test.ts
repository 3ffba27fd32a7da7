// Tests `tsdbt publish --list`: the copies at each receiver.
import { describe, expect, it } from 'vitest';
import { clickhouseFolder, clickhouseMissing } from '../support/clickhouse.ts';
import { labForAll, type PublishLab } from './lab.ts';

describe.skipIf(clickhouseMissing !== null)('publish --list', () => {
  let lab: PublishLab;
  labForAll((opened) => {
    lab = opened;
    const connections = lab.project.read('connections.yml');
    lab.project.write({
      'connections.yml': `${connections}analytics: {type: clickhouse, path: ${clickhouseFolder()}, schema: listed}\n`,
    });
  });
  const listed = async () => {
    // As a process: it must end by itself.
    const { code, stdout } = await lab.project.start(['publish', '--list', '--output', 'json']).ended;
    return { code, copies: JSON.parse(stdout).copies as Record<string, unknown>[] };
  };

  it('shows the copy at each receiver and its age, and creates nothing', async () => {
    lab.model("{{ config(materialized='table') }} select 1 as id union all select 2", [
      { to: 'lookup', table: 'm', key: 'id' },
      { to: 'analytics', table: 'm', key: 'id' },
    ]);
    const nothing = { version: null, run_id: null, rows: null, published_at: null, age_seconds: null };
    expect(await listed()).toMatchObject({
      code: 0,
      copies: [
        { of: 'model.faults.m', to: 'analytics', table: 'm', mode: 'replace', ...nothing },
        { of: 'model.faults.m', to: 'lookup', table: 'm', mode: 'replace', ...nothing },
      ],
    });
    expect(await lab.there("select to_regnamespace('tsdbt') is null")).toEqual([['true']]);
    expect((await lab.project.run(['build'])).code).toBe(0);
    const { metadata } = JSON.parse(lab.project.read('target/run_results.json'));
    const { copies } = await listed();
    for (const copy of copies) {
      expect(copy).toMatchObject({ rows: 2, run_id: metadata.invocation_id });
      expect(Date.parse(String(copy['published_at']))).toBeGreaterThanOrEqual(
        Date.parse(metadata.invocation_started_at) - 1000,
      );
      expect(Number.isInteger(copy['age_seconds'])).toBe(true);
    }
    const { stdout } = await lab.project.run(['publish', '--list', '--select', 'm']);
    const lines = stdout.split('\n').filter((line) => line.includes(metadata.invocation_id));
    expect(
      lines.map((line) =>
        line
          .replace(/^\d\d:\d\d:\d\d\s+/, '')
          .split(/\s+/)
          .slice(0, 4),
      ),
    ).toEqual([
      ['m', 'analytics', 'm', '2'],
      ['m', 'lookup', 'm', '2'],
    ]);
    // A table that somebody else has put there is no copy.
    await lab.there('drop table serving.m; create table serving.m (id int)');
    expect((await listed()).copies.find(({ to }) => to === 'lookup')).toMatchObject(nothing);
  });
});
