// Tests that a regular expression in a template with catastrophic backtracking is stopped after 5 seconds.
import { expect, it } from 'vitest';
import { createReModule } from '../../../../src/context/modules/re.ts';
import { render } from '../../../../src/jinja/index.ts';

const re = createReModule();

it('a regular expression with catastrophic backtracking is stopped, and the next one works', () => {
  expect(() => render("{{ re.match('(a+)+$', 'a' * 40 ~ '!') }}", { re })).toThrow(
    'the regular expression (a+)+$ was still searching after 5 s: it goes back and forth without end, as one ' +
      'repetition within another does',
  );
  expect(render("{{ re.findall('(a)(b?)', 'ab a') }}", { re })).toBe("[('a', 'b'), ('a', '')]");
});
