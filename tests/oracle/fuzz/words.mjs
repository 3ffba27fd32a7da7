// Random words of a dbt project: names, texts, meta, tags, hooks, grants, in the spellings that mean the same. Leaves
// where they stand to those who build on it.
import { Plain, Random, toYaml } from './random.mjs';

export const COLORS = ['red', '#aabbcc', 'gold'];
export const TAGS = ['a', 'b', 'nightly', 'x-y', 'Ab', 'a b'];
export const COLUMNS = ['id', 'name', 'amount', 'made_at', 'Status', 'odd col'];
export const FOLDERS = ['', '', 'staging/', 'marts/', 'marts/deep/', 'staging/x.y/'];
export const GROUPS = ['finance', 'fun'];
export const OPERATORS = ['not_null', 'unique'];

export class Words {
  constructor(seed) {
    this.random = new Random(seed);
    this.files = {};
    this.docs = ['first', 'second_doc'];
    this.taken = new Set();
    this.mayDisable = false;
    /** Whether several versions share what is made now: dbt reads a long-form test once. */
    this.shared = false;
  }

  name(prefix) {
    for (let i = 1; ; i++) {
      const name = `${prefix}${i}`;
      if (!this.taken.has(name)) {
        this.taken.add(name);
        return name;
      }
    }
  }

  yaml(value) {
    return toYaml(value, this.random);
  }

  /** A word, a sentence, Jinja or a doc block. */
  text() {
    const r = this.random;
    return r.one(
      () => 'plain words',
      () => 'has: a colon',
      () => "it's #1",
      () => '',
      () => "{{ doc('first') }}",
      () => `{{ doc("second_doc") }} and more`,
      () => 'two\nlines\n',
      () => '{{ 1 + 1 }}',
      () => "{{ var('word') }}",
      () => '  padded ',
      () => 'ünïcode ✓',
      () => '2020-01-01',
      () => "{{ doc('p', 'first') }}",
    );
  }

  meta(depth = 0) {
    const r = this.random;
    const out = {};
    for (const key of r.some(['owner', 'level', 'list', 'nested', 'when', 'on', 'x y'], 0, 3)) {
      out[key] = r.one(
        () => 'data',
        () => r.below(5),
        () => 1.5,
        () => true,
        () => null,
        () => [1, 'two'],
        () => (depth > 1 ? 'deep' : this.meta(depth + 1)),
        () => "{{ var('word') }}",
        () =>
          new Plain(
            r.pick([
              'yes',
              'off',
              '2020-01-01',
              '0o17',
              '017',
              '1_000',
              '1e3',
              '.5',
              '~',
              '12:30:45',
              '0x1F',
              '-0',
              '+1',
              '1.0',
              'Null',
              'nan',
              '1.',
              '2001-12-14t21:59:43.10-05:00',
            ]),
          ),
        () => '{{ target.name }}',
        () => '{{ 3 * 2 }}',
        () => "{{ env_var('FUZZ_WORD') }}",
        () => '',
      );
    }
    return out;
  }

  tags() {
    const r = this.random;
    return r.one(
      () => r.pick(TAGS),
      () => r.some(TAGS, 0, 3),
      () => [...r.some(TAGS, 1, 2), r.pick(TAGS)],
      () => "{{ var('word') }}",
    );
  }

  docsConfig() {
    const r = this.random;
    return r.one(
      () => ({ show: r.chance(0.5) }),
      () => ({ node_color: r.pick(COLORS) }),
      () => ({ show: false, node_color: r.pick(COLORS) }),
      () => ({ node_color: null }),
    );
  }

  hooks() {
    const r = this.random;
    return r.one(
      () => 'select 1',
      () => ['select 1', 'select 2'],
      () => ({ sql: 'select 3', transaction: false }),
      () => [{ sql: 'select 4' }, 'select {{ this }}'],
      () => [],
      () => "{{ var('word') }}",
    );
  }

  grants(plus) {
    const r = this.random;
    const out = {};
    for (const key of r.some(['select', 'insert'], 1, 2))
      out[plus && r.chance(0.4) ? `+${key}` : key] = r.one(
        () => 'ann',
        () => ['ann', 'bob'],
        () => [],
        () => ['{{ target.user }}'],
      );
    return out;
  }
}
