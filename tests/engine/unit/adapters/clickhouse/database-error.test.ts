// Failures of ClickHouse as users see them.
import { ClickHouseError } from '@clickhouse/client';
import { expect, it } from 'vitest';
import { databaseError } from '../../../../../src/adapters/clickhouse/database-error.ts';

it('a disk without EXCHANGE is told with what to do', () => {
  const sql = 'exchange TABLES `s`.`m__dbt_tmp` and `s`.`m`';
  const refusal = new ClickHouseError({
    message: 'RENAME EXCHANGE is not supported because exchanging files is not supported by the OS (Invalid argument)',
    code: '1',
    type: 'UNSUPPORTED_METHOD',
  });
  const { message, details } = databaseError(refusal, { sql, text: sql, start: 0 }, null);
  expect([message, details.hint]).toEqual([
    'Code: 1. DB::Exception: RENAME EXCHANGE is not supported because exchanging files is not supported by the ' +
      'OS (Invalid argument) (UNSUPPORTED_METHOD)',
    'The disk of the database cannot exchange tables. Nothing was changed: move the relation to another disk, ' +
      'or drop it and run again.',
  ]);
});
