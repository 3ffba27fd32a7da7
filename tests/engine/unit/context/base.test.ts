// What every template sees, and Python's modules, against what real dbt-core 1.12 rendered (golden/golden.py).
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { BaseScope } from '../../../../src/context/base.ts';
import { world } from './contexts.ts';

interface Case {
  readonly template: string;
  readonly text?: string;
  readonly error?: string;
}
const cases = JSON.parse(readFileSync(new URL('./golden/golden.json', import.meta.url), 'utf8')) as Case[];

process.env['TZ'] = 'UTC';
const { context } = world({ env: { GOLDEN_ONE: 'one', DBT_ENV_SECRET_X: 'secret' } });

describe('the base context', () => {
  it.each(cases)('renders $template', ({ template, text, error }) => {
    const scope = new BaseScope(context, [{ one: 1, two: { x: [1] } }], true);
    const render = (): string => context.templates.runtime.compile(template, { name: 'case' }).renderSync(scope);
    if (text !== undefined) expect(render()).toBe(text);
    else expect(render).toThrow(error);
  });
});
