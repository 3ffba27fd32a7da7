// Tests a `publish:` job of serve: the copy follows its model, which the job does not build, and a failed try reports
// the reason.
import { expect, it } from 'vitest';
import { openLab } from '../publish/lab.ts';

it('a publish job copies the rows of the model at its times', async () => {
  const lab = await openLab();
  const { project } = lab;
  lab.model("{{ config(materialized='incremental') }} select 1 as id{% if is_incremental() %} where false{% endif %}", {
    to: 'lookup',
    table: 'm',
    when: 'built',
  });
  project.write({ 'jobs.yml': 'jobs: { copies: { every: 2s, publish: m, retries: 0 } }\n' });
  expect((await project.start(['run', '--exclude', 'resource_type:publication']).ended).code).toBe(0);
  const serve = project.start(['serve', '--port', '0']);
  try {
    const copied = async (rows: string): Promise<void> => {
      for (;;) {
        expect(serve.child.exitCode, serve.out()).toBe(null);
        const [[there] = []] = await lab.there("select to_regclass('serving.m')::text");
        if (there !== 'null' && (await lab.there('select count(*) from serving.m'))[0]?.[0] === rows) return;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    };
    await copied('1');
    await project.client.query('insert into s.m values (2)');
    await copied('2');
    await project.until("select count(*) > 1 from tsdbt.job_runs where job = 'copies' and state = 'success'");
    expect(await project.rows('select count(*) from s.m')).toEqual([['2']]);
    // Only publications ran.
    expect(await project.rows("select count(*) from tsdbt.node_runs where unique_id not like 'publication.%'")).toEqual(
      [['0']],
    );
    await lab.there('alter table serving.m rename to taken; create table serving.m (id int)');
    await project.until("select count(*) > 0 from tsdbt.job_runs where job = 'copies' and state = 'failed'");
    const [[reason] = []] = await project.rows(
      "select reason from tsdbt.job_runs where job = 'copies' and state = 'failed' limit 1",
    );
    expect(reason).toMatch(/publication.*m.*tsdbt has not published/);
  } finally {
    serve.child.kill('SIGTERM');
    expect((await serve.ended).code).toBe(0);
    await lab.close();
  }
});
