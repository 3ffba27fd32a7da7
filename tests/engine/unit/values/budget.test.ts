// Tests that one rendering does not affect another through the counters in src/values/budget.ts, which are global to
// the process.
import { describe, expect, it } from 'vitest';
import { Environment, JinjaError } from '../../../../src/jinja/index.ts';
import { callable, equals, PyTuple, toJson, toText, type Value } from '../../../../src/values/index.ts';

const MOST_DEEP = 400;

function nested(depth: number): Value {
  let value: Value = [];
  for (let i = 1; i < depth; i++) value = i % 2 === 0 ? [value] : new PyTuple([value]);
  return value;
}

/** Calls the function at every depth of the stack until it overflows. */
function overflow(use: () => void): number {
  let overflows = 0;
  const dive = (depth: number): void => {
    try {
      dive(depth + 1);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      overflows++;
    }
    if (depth % 16 !== 0) return;
    try {
      use();
    } catch {
      overflows++;
    }
  };
  dive(0);
  return overflows;
}

describe('the counters of a nested walk', () => {
  it('are reset after a stack overflow in the middle of a walk', () => {
    const [a, b] = [nested(300), nested(300)];
    for (let round = 0; round < 5; round++) {
      expect(
        overflow(() => {
          equals(a, b);
          toText(a);
          toJson(a);
        }),
      ).toBeGreaterThan(0);
    }
    expect(equals(nested(MOST_DEEP), nested(MOST_DEEP))).toBe(true);
    expect(toText(nested(MOST_DEEP)).length).toBeGreaterThan(2 * MOST_DEEP);
    expect(() => toText(nested(MOST_DEEP + 1))).toThrow(JinjaError);
  });
});

describe('two builds in one process', () => {
  const MODEL =
    '{% set ns = namespace(v=[]) %}{% for i in range(depth) %}{% set ns.v = [ns.v] %}{% endfor %}' +
    '{% for i in range(5) %}{{ wait() }}{{ ns.v | string | length }} {{ ns.v == ns.v }} {% endfor %}';

  /** The rendering of one build, which yields to the other one whenever it waits. */
  async function rendering(depth: number): Promise<string> {
    const members = new Map<string, Value>([
      ['depth', depth],
      ['wait', callable('wait', '', () => new Promise<Value>((done) => setImmediate(() => done(''))))],
    ]);
    try {
      const template = new Environment().compile(MODEL, { name: 'm' });
      return await template.render({ get: (name) => members.get(name) });
    } catch (error) {
      return error instanceof JinjaError ? error.type : String(error);
    }
  }

  it('that alternate end as each does alone', async () => {
    const depths = [MOST_DEEP - 1, MOST_DEEP, 10, MOST_DEEP + 100];
    const alone: string[] = [];
    for (const depth of depths) alone.push(await rendering(depth));
    expect(alone.map((text) => text.split(' ')[0])).toEqual(['800', 'RecursionError', '22', 'RecursionError']);
    expect(await Promise.all(depths.map(rendering))).toEqual(alone);
  });

  it('do not count the memory of the process as kept by a template', async () => {
    expect(await rendering(100)).toContain('202');
    const held = Array.from({ length: 12 }, (_, i) => new Array<number>(10_000_000).fill(i));
    const text = new Environment().compile('{% for i in range(200) %}{{ i }}{% endfor %}', { name: 'm' });
    expect(text.renderSync({ get: () => undefined })).toMatch(/^0123.*199$/);
    expect(held).toHaveLength(12);
  });
});
