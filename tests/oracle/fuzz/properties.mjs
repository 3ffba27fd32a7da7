// Random properties of a resource: tests, columns, descriptions.
import { Plain } from './random.mjs';
import { TAGS, COLUMNS, OPERATORS } from './words.mjs';
import { Configs } from './config.mjs';

export class Properties extends Configs {
  testEntry(targets, column) {
    const r = this.random;
    const config = () =>
      JSON.parse(JSON.stringify(this.config('test', 'yaml'), (_, value) => (value instanceof Plain ? 'plain' : value)));
    const name = r.one(
      () => r.pick(OPERATORS),
      () => r.pick(OPERATORS),
      () => 'accepted_values',
      () => 'relationships',
      () => 'at_least',
      () => (column ? 'dbt.not_null' : 'at_least'),
      () => 'helper.is_even',
    );
    const plain = name.replace(/^.*\./, '');
    const args =
      plain === 'accepted_values'
        ? {
            values: r.one(
              () => ['a', 'b'],
              () => [1, 2],
              () => ["it's", null],
              () => ['{{ var("word") }}'],
            ),
            ...(r.chance(0.3) ? { quote: r.chance(0.5) } : {}),
          }
        : plain === 'relationships'
          ? {
              to: r.one(
                () => `ref('${r.pick(targets)}')`,
                () => "source('shop', 'orders')",
              ),
              field: 'id',
            }
          : plain === 'at_least'
            ? r.fields(
                {
                  low: () =>
                    r.one(
                      () => 1,
                      () => 1.5,
                      () => '{{ var("number") }}',
                      () => '{{ 2 + 3 }}',
                      () => 'text',
                    ),
                  words: () => [1, 'x', { a: null }],
                  deep: () => ({ k: [true] }),
                  long: () => 'w'.repeat(40),
                },
                0.5,
              )
            : {};
    if (!column && plain !== 'at_least')
      args.column_name = r.one(
        () => 'id',
        () => "id || '-'",
      );
    const extra = r.chance(0.4) ? config() : {};
    const written = { ...args };
    const entry = {};
    const style = r.below(4);
    if (Object.keys(args).length === 0 && Object.keys(extra).length === 0 && r.chance(0.7)) return name;
    if (style === 0 && Object.keys(args).length > 0) written.arguments = args;
    if (written.arguments !== undefined) for (const key of Object.keys(args)) delete written[key];
    const more = r.fields({ name: () => this.name('named_test_'), description: () => this.text() }, 0.12);
    const top = {};
    for (const [key, value] of Object.entries(extra)) {
      if (
        [
          'severity',
          'where',
          'limit',
          'fail_calc',
          'warn_if',
          'error_if',
          'store_failures',
          'tags',
          'enabled',
          'meta',
          'alias',
          'schema',
          'database',
          'store_failures_as',
        ].includes(key) &&
        written.arguments === undefined &&
        r.chance(0.25)
      )
        top[key] = value;
    }
    const rest = Object.fromEntries(Object.entries(extra).filter(([key]) => !(key in top)));
    const all = { ...written, ...more, ...top, ...(Object.keys(rest).length > 0 ? { config: rest } : {}) };
    if (style === 1 && !this.shared) return { test_name: name, ...all, name: all.name ?? this.name('long_form_') };
    entry[name] = Object.keys(all).length === 0 && r.chance(0.5) ? {} : all;
    return entry;
  }

  /** Tests of one place; two of the same kind there would often have the same name. */
  tests(count, targets, column) {
    const kinds = new Map();
    for (let i = 0; i < count; i++) {
      const entry = this.testEntry(targets, column);
      kinds.set(typeof entry === 'string' ? entry : (entry.test_name ?? Object.keys(entry)[0]), entry);
    }
    return [...kinds.values()];
  }

  columns(targets) {
    const r = this.random;
    return r.some(COLUMNS, 0, 4).map((name) => ({
      name,
      ...r.fields(
        {
          description: () => this.text(),
          data_type: () => r.pick(['int', 'text', 'numeric(10, 2)']),
          quote: () => r.chance(0.5),
          ...(r.chance(0.5)
            ? { tags: () => r.some(TAGS, 1, 2), meta: () => this.meta() }
            : { config: () => r.fields({ tags: () => this.tags(), meta: () => this.meta() }, 0.6) }),
          constraints: () => [{ type: 'not_null' }],
          docs: () => ({ show: true }),
          extra_field: () => 'kept',
          [r.chance(0.5) ? 'tests' : 'data_tests']: () => this.tests(1 + r.below(2), targets, true),
        },
        0.25,
      ),
    }));
  }

  description(kind, name, targets, withTests = true) {
    const r = this.random;
    const top = r.chance(0.12) ? { docs: this.docsConfig() } : r.chance(0.12) ? { meta: this.meta() } : null;
    return {
      name,
      ...(top ?? r.fields({ config: () => this.config(kind, 'yaml') }, 0.6)),
      ...r.fields(
        {
          description: () => this.text(),
          columns: () => this.columns(targets),
          ...(withTests
            ? { [r.chance(0.5) ? 'tests' : 'data_tests']: () => this.tests(1 + r.below(3), targets, false) }
            : {}),
        },
        0.45,
      ),
    };
  }
}
