// The line after a run in a terminal that names slow nodes.
import { describe, expect, it } from 'vitest';
import { slowestLine } from '../../../../src/cli/slowest-nodes.ts';
import type { RunResult } from '../../../../src/contracts/results.ts';

const result = (id: string, seconds: number, response: RunResult['adapter_response'] = {}): RunResult => ({
  unique_id: `model.p.${id}`,
  status: 'success',
  timing: [],
  thread_id: 'Thread-1',
  execution_time: seconds,
  adapter_response: response,
  message: null,
  failures: null,
  batch_results: null,
  compiled: null,
  compiled_code: null,
  relation_name: null,
});

describe('the line about slow nodes', () => {
  it('names the three slowest nodes, slowest first', () => {
    const results = [result('a', 0.6), result('b', 12.34), result('c', 0.1), result('d', 3), result('e', 0.7)];
    expect(slowestLine(results)).toBe('Slowest: model.p.b 12.3 s, model.p.d 3.0 s, model.p.e 0.7 s');
  });

  it('adds up what all nodes read, if the database reports it', () => {
    const read = { _message: 'OK', read_rows: 1_234_567, read_bytes: 5_000_000 };
    const results = [result('a', 1, read), result('b', 0.1, { ...read, read_bytes: 1e9 })];
    expect(slowestLine(results)).toBe('Slowest: model.p.a 1.0 s. Read 2,469,134 rows, 1.0 GB');
  });

  it('does not exist for a single node, or if all are fast', () => {
    expect(slowestLine([result('a', 100)])).toBeNull();
    expect(slowestLine([result('a', 0.4), result('b', 0.49)])).toBeNull();
    expect(slowestLine([])).toBeNull();
  });
});
