// Tests a project hook that fails transiently, for example by a deadlock: the job is retried, and its reason contains
// the database's error.
import { expect, it } from 'vitest';
import { FaultProject } from '../faults/project.ts';

/** Fails only on its first call, because a sequence is not rolled back. */
const DEADLOCK =
  "do $$ begin if nextval('public.tries') = 1 then raise exception 'deadlock detected' using errcode = '40P01'; " +
  'end if; end $$';

it.each(['on-run-start', 'on-run-end'])(
  'a job whose %s meets a deadlock is retried and reports the reason',
  async (when) => {
    const project = await FaultProject.open({
      'models/good.sql': "{{ config(materialized='table') }} select 1 as id",
      'jobs.yml': 'jobs:\n  hooked: { run: good, retries: { times: 1, backoff: 1s } }\n',
    });
    try {
      await project.client.query('create sequence public.tries');
      project.write({ 'dbt_project.yml': `${project.read('dbt_project.yml')}${when}: ["${DEADLOCK}"]\n` });
      const serve = project.start(['serve', '--port', '0']);
      try {
        await project.until("select to_regclass('tsdbt.job_requests') is not null");
        expect((await project.start(['jobs', 'run', 'hooked'], 'asked').ended).code).toBe(0);
        await project.until('select count(*) = 2 from tsdbt.job_runs where finished_at is not null');
        const runs = await project.rows('select attempt, state, reason from tsdbt.job_runs order by attempt');
        expect(runs).toEqual([
          ['1', 'failed', expect.stringMatching(/^1 of \d failed: operation\.faults\.\S+: deadlock detected/)],
          ['2', 'success', expect.anything()],
        ]);
      } finally {
        serve.child.kill('SIGTERM');
        await serve.ended;
      }
    } finally {
      await project.close();
    }
  },
);
