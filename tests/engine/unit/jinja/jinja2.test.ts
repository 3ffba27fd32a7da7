// Every template of the goldens that real jinja2 has rendered gives the same text, or the same error on the same line;
// once walked over, once translated.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Golden, runCase } from '../../support/jinja-golden.ts';

const golden = JSON.parse(readFileSync(new URL('./jinja2-cases.json', import.meta.url), 'utf8')) as Golden;

describe.each(Object.entries(golden.areas))('the Jinja engine renders %s as jinja2 does:', (_area, cases) => {
  it.each(cases.map((one) => [one.source, one] as const))('%s', (_source, one) => {
    const expected =
      one.error === undefined
        ? { out: one.out }
        : { error: { message: one.error.message, line: one.error.line ?? undefined } };
    expect(runCase(golden, one)).toEqual(expected);
    expect(runCase(golden, one, 6)).toEqual(expected);
  });
});
