// A regular expression of a template that backtracks without end stops at a limit; others give what they give.
import { describe, expect, it } from 'vitest';
import { createReModule } from '../../../../src/context/modules/re.ts';
import { limited } from '../../../../src/context/modules/regex-limit.ts';
import { render } from '../../../../src/jinja/index.ts';

const re = createReModule();

describe('a regular expression', () => {
  it('that goes back and forth without end is cut', () => {
    expect(() => render("{{ re.match('(a+)+$', 'a' * 40 ~ '!') }}", { re })).toThrow(
      'the regular expression (a+)+$ was still searching after 5 s: it goes back and forth without end, as one ' +
        'repetition within another does',
    );
  });

  it('works after one that was cut, and gives matches as before', () => {
    expect(
      render("{{ re.findall('(a)(b?)', 'ab a') }} {{ re.sub('x', 'y', 'axa') }} {{ re.search('q', 'a') }}", { re }),
    ).toBe("[('a', 'b'), ('a', '')] aya None");
  });

  it('throws on what the work throws', () => {
    expect(() =>
      limited('x', () => {
        throw new Error('inner');
      }),
    ).toThrow('inner');
  });
});
