// YAML as PyYAML reads it: expectations are made by PyYAML itself (tests/oracle/yaml-texts.py).
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { locate, loadYaml, loadYamlVars } from '../../../../src/project/yaml.ts';
import { readBlockYaml } from '../../../../src/project/yaml-block.ts';
import { readYamlDocument } from '../../../../src/project/yaml-document.ts';
import { PyFloat } from '../../../../src/values/float.ts';

type Golden = null | boolean | number | string | Golden[] | { [key: string]: Golden };

const golden = JSON.parse(readFileSync(new URL('./yaml.golden.json', import.meta.url), 'utf8')) as [string, Golden][];

// PyYAML and the `yaml` package disagree whether these are YAML at all; none is something a project would say.
const STRICTER_OR_LAXER = new Set<string>([
  ...[':', '[!!str]', '[-]', '[?]', '[?a]', '[:]', '[:a]', 'a: x\u2028y\n', 'a: [b,#c\n d]\n'],
  ...['a: {b\n  : c}\n', 'a: {"b\n  c": d}\n', 'a: [\n---\nb]\n', 'a: [b,\n...\n]\n'],
]);

// Quoted lines that stand left of their key, and empty lines behind an escaped line break: PyYAML takes them, the
// `yaml` package does not, or otherwise.
const FAST_ONLY = new Set<string>([
  ...["a: 'b\nc'\n", "a:\n  b: 'c\n  d'\n", "a:\n  b: 'c\n  '\n"],
  'a: "b \\\n  \\  c\\\n\n\n  d"\n',
]);

function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  return Number.isInteger(value) ? `${value}.0` : String(value);
}

/** A value in the golden file's form. */
function plain(value: unknown): Golden {
  if (value instanceof PyFloat) return { float: Object.is(value.value, -0) ? '-0.0' : floatText(value.value) };
  if (typeof value === 'bigint') return { int: String(value) };
  if (typeof value === 'number') return Number.isInteger(value) ? value : { float: floatText(value) };
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'object' && value !== null)
    return { dict: Object.entries(value).map(([key, item]) => [key, plain(item)]) };
  return value as Golden;
}

/** Integer-like keys come first in a JavaScript object: compare dictionaries by key. */
function sorted(value: Golden): Golden {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = value['dict'];
  if (!Array.isArray(entries)) return value;
  return {
    dict: [...entries].sort((a, b) => (String((a as Golden[])[0]) < String((b as Golden[])[0]) ? -1 : 1)).map(sorted),
  };
}

function isError(value: Golden): value is { error: number | null } {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && 'error' in value;
}

describe('loadYamlVars', () => {
  it('returns timestamps as templates print them, and everything else as loadYaml does', () => {
    expect(
      loadYamlVars(
        "{a: 2024-01-02T10:00:00.5, b: [2024-1-2 3:04:05+02:00, '2024-01-02T10:00:00'], c: 2024-01-02}",
        null,
      ),
    ).toEqual({
      a: '2024-01-02 10:00:00.500000',
      b: ['2024-01-02 03:04:05+02:00', '2024-01-02T10:00:00'],
      c: '2024-01-02',
    });
    expect(loadYamlVars('a: 2024-01-02\nb: [1, yes, ~]\n', null)).toEqual({ a: '2024-01-02', b: [1, true, null] });
    expect(() => loadYamlVars('a: [2024-01-02 10:00:00', null)).toThrow('Syntax error near line 1');
  });
});

describe('loadYaml', () => {
  it.each(golden.filter(([text]) => !STRICTER_OR_LAXER.has(text)))('reads %j as PyYAML does', (text, expected) => {
    if (isError(expected)) expect(() => loadYaml(text, 'x.yml')).toThrow();
    else expect(sorted(plain(loadYaml(text, 'x.yml')))).toEqual(sorted(expected));
  });

  it('returns the same value with the fast reader and the full one', () => {
    let fast = 0;
    for (const [text] of golden) {
      if (text.startsWith('\ufeff') || FAST_ONLY.has(text)) continue;
      let value: unknown;
      try {
        value = readBlockYaml(text);
      } catch {
        continue;
      }
      fast++;
      expect([text, plain(readYamlDocument(text).value)]).toEqual([text, plain(value)]);
    }
    expect(fast).toBeGreaterThan(golden.length / 2);
  });

  it('reports syntax errors in the form of dbt', () => {
    expect(() => loadYaml('name: o\n  profile: p', 'dbt_project.yml')).toThrow(
      'Syntax error near line 2\n------------------------------\n1  | name: o\n2  |   profile: p\n\nRaw ' +
        'Error:\n------------------------------\nmapping values are not allowed in this context\n  in "<unicode ' +
        'string>", line 2, column 10',
    );
  });

  it('keeps the last of repeated keys and reports it', () => {
    const seen: string[] = [];
    expect(loadYaml('a: 1\nb:\n  c: 1\n  c: 2\na: 3\n', null, { onDuplicateKey: (text) => seen.push(text) })).toEqual({
      a: 3,
      b: { c: 2 },
    });
    expect(seen).toEqual([
      'Duplicate key \'a\' in "<unicode string>", line 5, column 1',
      'Duplicate key \'c\' in "<unicode string>", line 4, column 3',
    ]);
  });

  it('cannot modify prototypes', () => {
    const value = loadYaml('__proto__: {polluted: 1}', null) as { polluted?: number };
    expect(value.polluted).toBeUndefined();
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });

  it('finds the position of a key', () => {
    expect(locate('models:\n  - name: a\n  - name: b\n    tests: [x]\n', ['models', 1, 'tests'])).toEqual({
      line: 4,
      column: 5,
    });
  });
});
