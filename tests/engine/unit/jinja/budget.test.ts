// Tests the limits of depth, size and memory in templates: exceeding one is a clear error, and anything below behaves
// as in jinja2.
import { describe, expect, it } from 'vitest';
import { JinjaError, render } from '../../../../src/jinja/index.ts';

function failure(source: string): JinjaError {
  try {
    render(source, {});
  } catch (error) {
    if (error instanceof JinjaError) return error;
    throw error;
  }
  throw new Error('it ended');
}

describe('a nested template', () => {
  it.each([
    ['brackets', '{{ ', '(', '1', ')', ' }}'],
    ['lists', '{{ ', '[', '1', ']', ' | string }}'],
    ['signs', '{{ ', '-', '1', '', ' }}'],
    ['ifs', '', '{% if 1 %}', 'x', '{% endif %}', ''],
  ])(
    'with 70 %s is accepted, and with 30,000 it is rejected with its line',
    (_what, head, open, middle, close, tail) => {
      const text = (n: number): string => head + open.repeat(n) + middle + close.repeat(n) + tail;
      expect(render(text(70), {}).length).toBeGreaterThan(0);
      expect(failure(`\n${text(30_000)}`)).toMatchObject({
        message: 'the template is nested more than 300 levels deep here',
        details: { line: 2 },
      });
    },
  );

  it.each([
    ['+', '{{ 1', ' + 1', ' }}'],
    ['and', '{{ 1', ' and 1', ' }}'],
    ['filters', '{{ 1', ' | int', ' }}'],
    ['attributes', '{% set x = {} %}{{ x', '.y', ' is defined }}'],
  ])('with 30,000 of %s in a row is rejected', (_what, head, each, tail) => {
    expect(failure(head + each.repeat(30_000) + tail).message).toBe(
      'more than 500 operators, filters, attributes or calls stand in one row here',
    );
  });

  it('accepts any number of ~ and elif in a row', () => {
    expect(render(`{{ 1${' ~ 1'.repeat(2_000)} }}`, {})).toBe('1'.repeat(2_001));
    expect(render(`{% if 0 %}${'{% elif 0 %}'.repeat(2_000)}{% else %}end{% endif %}`, {})).toBe('end');
  });
});

describe('a nested value', () => {
  const DOUBLED =
    '{% set ns = namespace(l=[1], m=[1]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% set ns.m = ' +
    '[ns.m, ns.m] %}{% endfor %}';
  const DEEP =
    '{% set ns = namespace(l=[], m=[]) %}{% for i in range(5000) %}{% set ns.l = [ns.l] %}{% set ns.m = [ns.m] ' +
    '%}{% endfor %}';
  const USES = ['{{ ns.l }}', '{{ ns.l | tojson }}', '{{ ns.l == ns.m }}', '{{ [ns.l] | sort | string }}'];

  it.each(USES)('that contains itself many times is not walked without end: %s', (use) => {
    expect(failure(DOUBLED + use).message).toBe(
      'the value holds more than 2000000 lists and dictionaries, counted wherever they stand',
    );
  });

  it.each(USES)('5,000 levels deep fails as in Python: %s', (use) => {
    expect(failure(DEEP + use)).toMatchObject({
      type: 'RecursionError',
      message: 'maximum recursion depth exceeded: values are nested more than 400 deep',
    });
  });

  it('that contains itself prints as in Python, even after a limit was reached', () => {
    expect(failure(DEEP + USES[0]!).type).toBe('RecursionError');
    expect(
      render(
        '{% set l = [1] %}{% do l.append(l) %}{% set d = {} %}{% do d.update(a=d) %}{{ l }} {{ d }} {{ [[[]], ' +
          '({},)] }}',
        {},
      ),
    ).toBe("[1, [...]] {'a': {...}} [[[]], ({},)]");
  });
});

describe('a growing value', () => {
  it.each([
    '{% set ns = namespace(l=[1]) %}{% for i in range(40) %}{% set ns.l = ns.l + ns.l %}{% endfor %}',
    '{% set l = [1] %}{% for i in range(40) %}{% do l.extend(l) %}{% endfor %}',
    "{% set ns = namespace(s='ab') %}{% for i in range(40) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
    "{% set ns = namespace(s='ab') %}{% for i in range(40) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
  ])('fails at its limit: %s', (source) => {
    expect(failure(source)).toMatchObject({
      type: 'MemoryError',
      message: expect.stringMatching(
        /^a (?:text|sequence) of \d+ (?:characters|items) is longer than a template may build/,
      ) as string,
    });
  });

  it('of many small parts fails when too much memory is kept', () => {
    const part = '{% set l = [] %}{% set part = range(99999) | list %}';
    expect(failure(`${part}{% for i in range(100000) %}{% do l.append(part + []) %}{% endfor %}`).message).toBe(
      'the template keeps more than 900 MB of values in memory',
    );
  });
});
