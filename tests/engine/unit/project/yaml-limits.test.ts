// Tests that YAML that is too deep or expands too much is rejected quickly with its position.
import { describe, expect, it } from 'vitest';
import { loadYaml } from '../../../../src/project/yaml.ts';

const nine = (item: string): string => `[${Array.from({ length: 9 }, () => item).join(',')}]`;
const ALIASES = [...'abcdefghi']
  .map((name, i, all) => `${name}: &${name} ${nine(i === 0 ? 'x' : `*${all[i - 1]}`)}\n`)
  .join('');
const merges = (levels: number): string =>
  Array.from(
    { length: levels },
    (_, i) => `k${i}: &k${i} {${i === 0 ? 'x: 1' : `<<: [*k${i - 1}, *k${i - 1}], y${i}: 1`}}\n`,
  ).join('');

describe('YAML', () => {
  it.each([
    ['[ in [', `a: ${'['.repeat(20_000)}${']'.repeat(20_000)}`],
    ['{ in {', `a: ${'{a: '.repeat(20_000)}1${'}'.repeat(20_000)}`],
    ['- in -', `a:\n  ${'- '.repeat(20_000)}1`],
    ['? in ?', `${'? '.repeat(20_000)}a`],
    ['keys in keys', Array.from({ length: 2_000 }, (_, i) => `${' '.repeat(i)}a:\n`).join('')],
  ])('with endlessly nested %s is rejected with its position', (_what, text) => {
    expect(() => loadYaml(text, 'models/s.yml')).toThrow(
      /collections are nested more than 200 levels deep\n {2}in "<unicode string>", line \d+, column \d+/,
    );
  });

  it('with a hundred levels is accepted', () => {
    expect(JSON.stringify(loadYaml(`a: ${'['.repeat(100)}${']'.repeat(100)}`, null))).toBe(
      `{"a":${'['.repeat(100)}${']'.repeat(100)}}`,
    );
  });

  it('whose aliases expand to too many values is rejected', () => {
    for (const text of [ALIASES, merges(40)])
      expect(() => loadYaml(text, null)).toThrow('aliases stand for more than 200000 values');
  });

  it.each([
    ['in itself', 'a: &a [*a]'],
    ['merged with itself', 'a: &a {<<: *a, b: 1}'],
    ['as its own key', '&a {*a : 1}'],
    ['in one of its own', 'a: &a {b: &b {c: *a}}'],
  ])('with an anchor %s is rejected', (_what, text) => {
    expect(() => loadYaml(text, null)).toThrow("the anchor 'a' holds itself");
  });

  it('with merges ten levels deep, and with repeated anchors, is read as by PyYAML', () => {
    const merged = loadYaml(merges(10), null) as Record<string, Record<string, number>>;
    expect(Object.keys(merged['k9']!)).toHaveLength(10);
    expect(
      loadYaml('a: &x 1\nb: *x\nc: &x 2\nd: *x\ne: &m {p: 1}\nf: {<<: *m, q: 2}\ng: {<<: [{r: 1}, *m]}', null),
    ).toEqual({ a: 1, b: 1, c: 2, d: 2, e: { p: 1 }, f: { p: 1, q: 2 }, g: { p: 1, r: 1 } });
  });
});
