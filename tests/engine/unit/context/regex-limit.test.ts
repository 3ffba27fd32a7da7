// Tests that a regular expression with catastrophic backtracking stops at a limit, and others return their result.
import { describe, expect, it } from 'vitest';
import { createReModule } from '../../../../src/context/modules/re.ts';
import { limited } from '../../../../src/context/modules/regex-limit.ts';
import { translateRegex } from '../../../../src/context/modules/python-regex.ts';
import { render } from '../../../../src/jinja/index.ts';

const re = createReModule();

describe('a regular expression', () => {
  it('returns its matches within the time limit', () => {
    expect(
      render("{{ re.findall('(a)(b?)', 'ab a') }} {{ re.sub('x', 'y', 'axa') }} {{ re.search('q', 'a') }}", { re }),
    ).toBe("[('a', 'b'), ('a', '')] aya None");
  });

  it.each([
    ['a+b', true],
    ['^[0-9]', true],
    ['[^a-z_]+', true],
    ['(a|b)c*', true],
    ['colou?r', true],
    ['a+b+', false],
    ['(ab)+', false],
    ['(a|aa){30}', false],
    ['(?:a|aa)*', false],
    ['(a|aa)(a|aa)(a|aa)(a|aa)(a|aa)', false],
    ['(?=a+)b*', false],
    ['[[]a+', true],
  ])('%s can be run without the time limit: %s', (pattern, expected) => {
    const { source } = translateRegex(pattern, 0);
    const notWatched = limited('x', () => new Error().stack?.includes('runInContext') === false, { source, text: 'a' });
    expect(notWatched).toBe(expected);
    expect(limited('x', () => new Error().stack?.includes('runInContext'), { source, text: 'a'.repeat(10_001) })).toBe(
      true,
    );
  });

  it('rethrows what the callback throws', () => {
    expect(() =>
      limited('x', () => {
        throw new Error('inner');
      }),
    ).toThrow('inner');
  });
});
