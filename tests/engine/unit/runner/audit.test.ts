// Tests how test results decide an audit: the node's error, lasting or transient, and one result per test over several
// attempts and batches.
import { expect, it } from 'vitest';
import type { Session } from '../../../../src/adapters/adapter.ts';
import type { ModelNode, TestNode } from '../../../../src/contracts/node.ts';
import type { RunResult } from '../../../../src/contracts/results.ts';
import { TsdbtError } from '../../../../src/errors.ts';
import { audit, withPublishedName, worse } from '../../../../src/runner/audit.ts';
import { executeNode } from '../../../../src/runner/node.ts';

type Given = Pick<RunResult, 'status' | 'transient'>;
const result = (given: Given): RunResult => ({ ...given, unique_id: 'test.a' }) as unknown as RunResult;
const PASSES: Given = { status: 'error', transient: true };

async function errorOfAudit(...given: Given[]): Promise<unknown> {
  const model = { resource_type: 'model', name: 'm', original_file_path: 'm.sql', unique_id: 'model.m' };
  const tests = given.map((_, i) => ({ unique_id: `test.${i}`, name: `t${i}` }) as unknown as TestNode);
  const all = given.map(result);
  try {
    await audit(model as unknown as ModelNode, {} as unknown as Session, tests, async () => all.shift()!);
    return null;
  } catch (error) {
    return error instanceof TsdbtError ? error.kind : error;
  }
}

it('an audit that only transient errors stopped may be retried', async () => {
  expect(await errorOfAudit({ status: 'pass' }, { status: 'warn' })).toBe(null);
  expect(await errorOfAudit({ status: 'pass' }, PASSES, PASSES)).toBe('connection');
  expect(await errorOfAudit(PASSES, { status: 'fail' })).toBe('runtime');
  expect(await errorOfAudit(PASSES, { status: 'error' })).toBe('runtime');
});

/** Returns the kept result of a test with one result per batch. */
function kept(...given: [batch: number | null, result: Given][]): string | undefined {
  const adapter = { relations: { quotePolicy: {} }, createRelation: () => ({ render: () => 'x' }) };
  return given.reduce<RunResult | undefined>((before, [batch, one]) => {
    const node = batch === null ? {} : { batch: { id: String(batch) } };
    const staged = { render: () => 'x' };
    const ctx = { adapter, config: { project: {} } };
    return worse(before, withPublishedName(ctx as never, node as never, staged as never, result(one)));
  }, undefined)?.status;
}

it('an audit of batches has the worst result, with the latest attempt of each batch', () => {
  const [fail, pass, warn]: [Given, Given, Given] = [{ status: 'fail' }, { status: 'pass' }, { status: 'warn' }];
  expect(kept([null, PASSES], [null, pass])).toBe('pass');
  expect(kept([null, warn], [null, pass])).toBe('pass');
  expect(kept([1, PASSES], [1, pass], [2, pass])).toBe('pass');
  expect(kept([1, PASSES], [2, pass])).toBe('error');
  expect(kept([1, warn], [2, PASSES], [2, pass])).toBe('warn');
  expect(kept([1, pass], [2, fail], [3, pass], [4, warn])).toBe('fail');
});

it('an audit starts no further test after the command is stopped', async () => {
  const never = (): never => expect.unreachable();
  const work = { halted: () => true, open: never, cancel: async () => null };
  const node = { unique_id: 'test.a', config: {} };
  const stopped = await executeNode({} as never, {} as never, node as never, { thread: 't' } as never, work);
  expect(stopped).toMatchObject({ status: 'error', message: 'The command was stopped.' });
});
