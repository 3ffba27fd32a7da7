// Random selectors: criteria as people type them, and definitions of selectors.yml.
import { TAGS, GROUPS } from './words.mjs';
import { Properties } from './properties.mjs';

/** Values of methods, good and bad. */
const PATHS = [
  'models',
  'models/marts',
  'models/staging/',
  'models/*/*.sql',
  'models/**',
  'seeds',
  'models/schema.yml',
  'tests',
  'models/marts/deep',
  'analyses/*.sql',
  'snapshots',
  'models/**/m_1.sql',
  './models',
  'models/**/',
  '*',
  '**/*.yml',
  'models/ma*',
];
const FILES = ['m_1.sql', 'm_*', 'schema.yml', 'schema', 'second', 'versioned_v1', 'dim.x1', 'dim.x1.sql', '*.csv'];
const CONFIGS = [
  'materialized:view',
  'materialized:table',
  'enabled:true',
  'enabled:false',
  'tags:a',
  'tags:nightly',
  'schema:extra',
  'severity:warn',
  'severity:ERROR',
  'store_failures:true',
  'meta.owner:data',
  'meta.level:1',
  'meta.nested.owner:data',
  'meta.list:two',
  'meta.on:true',
  'unique_key:id',
  'unique_key:name',
  'full_refresh:false',
  'docs.show:false',
  'contract.enforced:false',
  'quoting.schema:true',
  'persist_docs.relation:true',
  'grants.select:ann',
  'custom_key:text',
  'custom_key.a.b:1',
  'group:fun',
  'lookback:1',
  'pre_hook:x',
  'packages:one',
  'event_time:made_at',
  'alias:None',
  'freshness.build_after.period:day',
  'meta.owner:None',
  'access:public',
  'on_configuration_change:apply',
  'severity:x',
];
const TYPES = [
  'model',
  'test',
  'seed',
  'snapshot',
  'source',
  'exposure',
  'unit_test',
  'analysis',
  'metric',
  'function',
];

export class Selectors extends Properties {
  selectors(models) {
    const r = this.random;
    const names = ['one', 'two', 'three', 'four'];
    const out = [];
    for (const name of r.some(names, 1, 4))
      out.push({
        name,
        ...r.fields({ description: () => 'what it is for', default: () => false }, 0.3),
        definition: this.definition(
          models,
          out.map((s) => s.name),
          0,
        ),
      });
    return out;
  }

  definition(models, known, depth) {
    const r = this.random;
    const simple = () =>
      r.one(
        () => criterion(r, models),
        () => ({ [r.pick(['tag', 'fqn', 'package'])]: r.pick([...TAGS, ...models, 'p']) }),
        () => ({
          method: r.pick([
            'tag',
            'fqn',
            'source',
            'path',
            'config.materialized',
            'resource_type',
            'package',
            'test_type',
          ]),
          value: 'x',
          ...r.fields(
            {
              children: () => r.chance(0.8),
              parents: () => r.chance(0.8),
              children_depth: () => 1 + r.below(2),
              parents_depth: () => 1,
              indirect_selection: () => r.pick(['eager', 'cautious', 'buildable', 'empty']),
              ...(depth === 0 ? { exclude: () => [criterion(r, models)] } : {}),
            },
            0.3,
          ),
        }),
        () => (known.length > 0 ? { method: 'selector', value: r.pick(known) } : 'tag:a'),
      );
    const fix = (one) => {
      if (typeof one !== 'object' || one.method === undefined || one.method === 'selector') return one;
      return {
        ...one,
        value: {
          tag: r.pick(TAGS),
          fqn: r.pick([...models, '*']),
          source: 'shop',
          path: 'models/marts',
          'config.materialized': 'view',
          resource_type: 'model',
          package: 'p',
          test_type: 'generic',
        }[one.method],
      };
    };
    if (depth > 2 || r.chance(0.35)) return fix(simple());
    const parts = Array.from({ length: 1 + r.below(3) }, () => this.definition(models, known, depth + 1));
    if (r.chance(0.4))
      parts.push({ exclude: Array.from({ length: 1 + r.below(2) }, () => this.definition(models, known, depth + 1)) });
    return { [r.pick(['union', 'intersection'])]: parts };
  }
}

/** One criterion as people type it. */
export function criterion(random, models) {
  const r = random;
  const atom = r.one(
    () => r.pick(models),
    () => r.pick(models),
    () => r.pick(models).slice(0, 2) + '*',
    () => `p.${r.pick(models)}`,
    () =>
      r.pick([
        'marts',
        'staging',
        'p.marts',
        'marts.deep',
        'p.*',
        '*',
        'staging.x.y',
        'p.staging.x',
        'helper',
        'helper_base',
        'm_?',
        '[ms]*',
        '*_1',
        'versioned',
        'versioned.v1',
        'versioned_v2',
        'v1',
        'version?d',
        'marts.*.v2',
        'seed_*',
        'p.*.m_1',
        '[!m]*',
        'dim.x1',
        'x1',
      ]),
    () => `tag:${r.pick([...TAGS.filter((t) => !t.includes(' ')), 'said', 'n*', '?'])}`,
    () =>
      `source:${r.pick(['shop', 'shop.orders', 'p.shop.orders', '*', 'shop.*', 'p.*.*', 'helper', 'Shop', '*.Users'])}`,
    () => `path:${r.pick(PATHS)}`,
    () => r.pick(['models/marts', 'models/staging/x.y', 'm_1.sql', 'seed_1.csv', 'models/marts/*.sql']),
    () => `file:${r.pick(FILES)}`,
    () => `package:${r.pick(['p', 'helper', 'this', 'h*'])}`,
    () => `access:${r.pick(['public', 'protected', 'private'])}`,
    () => `group:${r.pick([...GROUPS, 'f*', '*'])}`,
    () => `config.${r.pick(CONFIGS)}`,
    () => `test_name:${r.pick(['unique', 'not_null', 'at_least', 'is_even', 'u*', 'unit_1', '*', 'helper.is_even'])}`,
    () => `test_type:${r.pick(['generic', 'singular', 'data', 'unit', 'schema'])}`,
    () => `resource_type:${r.pick(TYPES)}`,
    () => `version:${r.pick(['latest', 'old', 'prerelease', 'none'])}`,
    () => `exposure:${r.pick(['exp_1', '*', 'p.exp_2', 'exp_?'])}`,
    () => `unit_test:${r.pick(['unit_1', '*', 'p.unit_2', 'unit_*'])}`,
    () => `selector:${r.pick(['one', 'two', 't*', '*'])}`,
    () => 'state:new',
    () => `metric:*`,
    () =>
      r.pick([
        'tag:',
        'fqn:',
        ':x',
        'nope:x',
        'config:x',
        'version:x',
        'resource_type:x',
        'test_type:x',
        'source:a.b.c.d',
        'exposure:a.b.c',
        'config.',
        '+',
        '@',
        '',
        'path:/abs',
        '1',
        '2+',
        'a:b:c',
        'access:p*',
      ]),
  );
  if (r.chance(0.1)) return `@${atom}`;
  return `${r.pick(['', '', '', '', '+', '1+', '2+', '0+'])}${atom}${r.pick(['', '', '', '', '+', '+1', '+2', '+0'])}`;
}
