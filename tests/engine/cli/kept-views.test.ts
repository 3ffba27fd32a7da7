// Tests that no statement is sent for an unchanged view after an incremental model that it does not read.
import { expect, it } from 'vitest';
import { FaultProject } from '../faults/project.ts';

it('a view that is kept sends no statement after an incremental model that it does not read', async () => {
  const project = await FaultProject.open({
    'models/a.sql':
      "{{ config(materialized='incremental', unique_key='id', incremental_strategy='delete+insert') }} " +
      'select id from {{ ref("t") }}',
    'models/t.sql': "{{ config(materialized='table') }} select 1 as id",
    'models/view.sql': 'select 1 as id -- depends_on: {{ ref("a") }}',
  });
  try {
    const run = async (): Promise<number> => {
      project.write({ 'logs-target/dbt.log': '' });
      const { code, out } = await project.run(['run']);
      expect(code, out).toBe(0);
      return project.read('logs-target/dbt.log').split('On model.faults.view: ').length - 1;
    };
    // It is made, and its state is known to the second run.
    expect([(await run()) > 0, await run(), await run()]).toEqual([true, 0, 0]);
    expect((await project.client.query('select * from s.view')).rows).toEqual([{ id: 1 }]);
  } finally {
    await project.close();
  }
});
