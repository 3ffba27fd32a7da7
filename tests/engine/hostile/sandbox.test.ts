// Probes of the sandbox: what is known to have led out of template engines, from every value that a template can reach,
// in every way of asking for a member. A probe may fail or find nothing; it may never find something of JavaScript or
// of this program.
import { describe, expect, it } from 'vitest';
import { render } from '../../../src/jinja/index.ts';
import { createFileRenderer } from '../../../src/context/yaml-scope.ts';
import { manifestOf, model, run, runtime, world } from '../unit/context/contexts.ts';

const LONG = process.env['TSDBT_HOSTILE'] === 'long';

/** Where a template may start. */
const STARTS = [
  "''",
  "'%s'",
  '1',
  '1.5',
  'none',
  'true',
  '[]',
  '[1]',
  '(1,)',
  '{}',
  "{'a': 1}",
  'set([1])',
  'range(2)',
  'namespace()',
  'namespace(a=1)',
  'cycler(1)',
  'joiner()',
  'lipsum',
  'dict',
  'dict()',
  "''.join",
  '[].append',
  '{}.items()',
  "'a'.split('a')",
  "'a'|list|map('upper')",
  "[1]|map('string')",
  "[1]|select('odd')",
  '[1]|groupby(0)',
  '[1]|batch(1)',
  "'a'|escape",
  "'a'|safe",
  '{}|items',
  '1|string',
  '[1]|first',
  "'a'.format",
  "'a'|attr('upper')",
  "'{}'.format('a')",
  'ref',
  "ref('m')",
  "ref('m').include",
  'source',
  'config',
  'config.get',
  'this',
  'this.schema',
  'model',
  'model.config',
  'graph',
  'graph.nodes',
  'target',
  'var',
  'env_var',
  'flags',
  'flags.FULL_REFRESH',
  'adapter',
  'adapter.dispatch',
  'adapter.get_relation',
  'adapter.config',
  'api',
  'api.Relation',
  'api.Relation.create',
  "api.Relation.create(identifier='a')",
  'api.Column',
  "api.Column('a', 'text')",
  'exceptions',
  'exceptions.raise_compiler_error',
  'validation',
  'validation.any',
  'modules',
  'modules.datetime',
  'modules.datetime.datetime',
  'modules.datetime.datetime.now',
  'modules.datetime.timedelta(days=1)',
  'modules.datetime.date(2024, 1, 1)',
  'modules.re',
  "modules.re.compile('a')",
  "modules.re.match('a', 'a')",
  "modules.re.finditer('a', 'a')",
  'modules.pytz',
  'modules.pytz.utc',
  "modules.pytz.timezone('Europe/Paris')",
  'modules.itertools',
  'modules.itertools.count()',
  'modules.itertools.chain([1], [2])',
  'context',
  'builtins',
  'builtins.ref',
  'run_started_at',
  'helper',
  'shop',
  'shop.helper',
  'dbt',
  "load_result('r')",
  "load_result('r').table",
  "load_result('r').table.columns",
  "load_result('r').table.rows",
  "load_result('r').response",
  'log',
  'print',
  'return',
  'caller',
  'loop',
  'self',
  'varargs',
  'kwargs',
  'invocation_args_dict',
  'dbt_metadata_envs',
  'load_result',
  'store_result',
  'selected_resources',
  'statement',
  'run_query',
  'tojson',
  'fromjson',
  'fromyaml',
  'toyaml',
  "fromyaml('a: !!js/function x')",
  'fromjson(\'{"__proto__": {"polluted": 1}}\')',
  'zip',
  'set',
  'diff_of_two_dicts',
  'local_md5',
  'query_header',
  'hooks',
  'pre_hooks',
  'schema',
  'thread_id',
  'dbt_version',
];
/** Names that led out elsewhere: of JavaScript, of Python, and of this program's own objects. */
const MEMBERS = [
  'constructor',
  '__proto__',
  'prototype',
  'toString',
  'toLocaleString',
  'valueOf',
  'hasOwnProperty',
  'isPrototypeOf',
  'propertyIsEnumerable',
  '__defineGetter__',
  '__defineSetter__',
  '__lookupGetter__',
  '__lookupSetter__',
  'call',
  'apply',
  'bind',
  'caller',
  'callee',
  'arguments',
  'name',
  'length',
  'then',
  'next',
  'throw',
  'Symbol.iterator',
  'entries',
  'map',
  'filter',
  'reduce',
  'forEach',
  'charAt',
  'codePointAt',
  'size',
  'has',
  'exec',
  'source',
  'jinjaGet',
  'jinjaCall',
  'jinjaItem',
  'jinjaText',
  'jinjaType',
  'toJsonValue',
  'settings',
  'options',
  'scope',
  'context',
  'env',
  'face',
  'signature',
  'connection',
  'pool',
  'credentials',
  'client',
  '_events',
  '__class__',
  '__mro__',
  '__bases__',
  '__base__',
  '__subclasses__',
  '__globals__',
  '__init__',
  '__code__',
  '__closure__',
  '__builtins__',
  '__import__',
  '__dict__',
  '__getattribute__',
  '__reduce_ex__',
  '__self__',
  '__func__',
  '__module__',
  'mro',
  'func_globals',
  'gi_frame',
  'gi_code',
  'cr_frame',
  'f_globals',
  'f_locals',
  'im_func',
  'tb_frame',
  '_TemplateReference__context',
  '_Context__self',
  'environment',
  'module',
  'blocks',
  'root_render_func',
];
/** Names of Python's or of this program's that may be there: what they give is judged all the same. */
const WAYS: readonly ((object: string, member: string) => string)[] = [
  (object, member) => `(${object}).${member}`,
  (object, member) => `(${object})['${member}']`,
  (object, member) => `(${object})|attr('${member}')`,
  (object, member) => `(${object})['${member.slice(0, 3)}' ~ '${member.slice(3)}']`,
  (object, member) => `[${object}]|map(attribute='${member}')|list|first`,
  (object, member) => `'{0.${member}}'.format(${object})`,
  (object, member) => `'{0[${member}]}'.format(${object})`,
  (object, member) => `'%(${member})s' % ${object}`,
  (object, member) => `[${object}]|sum(attribute='${member}')`,
  (object, member) => `[${object}]|selectattr('${member}')|list`,
  (object, member) => `[${object}]|groupby('${member}')|list`,
  (object, member) => `(${object}).get('${member}')`,
];

const w = world({
  macros: { shop: ['{% macro helper() %}{% endmacro %}'], dbt: ['{% macro other() %}{% endmacro %}'] },
  env: { DBT_ENV_SECRET_T: 'c4n4ry', HOME: '/home/c4n4ry-home' },
});
const node = model('m', { depends_on: { macros: [], nodes: ['model.shop.m'] } });
const manifest = manifestOf([node]);

/** Words of JavaScript's functions, of Node's objects, and of what only this program holds. */
const ESCAPED = new RegExp(
  String.raw`\[native code\]|\bfunction\s*\*?\s*\w*\s*\(|=>\s*[{(]|\[object \w+\]|class \w+ (?:extends \w+ )?\{` +
    String.raw`|c4n4ry|'hidden'|\bhidden\b|file://|node:internal|at \S+ \(|process\.env`,
);

async function answer(template: string): Promise<string> {
  try {
    return await run(template, runtime(w, node, manifest));
  } catch (error) {
    return `error: ${(error as Error).message}`;
  }
}

/** A sample that is the same each time, and another for each place in the table. */
function sample<T>(all: readonly T[], share: number): T[] {
  let state = 7;
  return all.filter(() => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return LONG || state / 2147483648 < share;
  });
}

describe('a probe for a member', () => {
  const probes = sample(
    STARTS.flatMap((start) => MEMBERS.flatMap((member) => WAYS.map((way) => way(start, member)))),
    0.012,
  );

  it(`finds no JavaScript: ${probes.length} of them`, async () => {
    expect(probes.length).toBeGreaterThanOrEqual(300);
    const wrong: string[] = [];
    for (const probe of probes) {
      const said = await answer(`{% do store_raw_result('r', message='m') %}{% set x = ${probe} %}{{ x }}`);
      if (ESCAPED.test(said)) wrong.push(`${probe}: ${said.slice(0, 200)}`);
      // A function that is none of Python's would have a constructor of its own.
      else if (!said.startsWith('error')) {
        const called = await answer(
          `{% do store_raw_result('r', message='m') %}{% set x = ${probe} %}{{ x('return process') }} {{ ` +
            'x.constructor is undefined }}',
        );
        if (ESCAPED.test(called) || called.endsWith(' False')) wrong.push(`${probe}, called: ${called.slice(0, 200)}`);
      }
    }
    expect(wrong).toEqual([]);
  }, 900_000);
});

/** Whole attacks, most of them known from other engines. */
const ATTACKS: readonly string[] = [
  "{{ ''.constructor.constructor('return process')() }}",
  "{{ [].constructor.constructor('return process.env')() }}",
  "{{ range.constructor('return 1')() }}",
  "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
  '{{ joiner.__init__.__globals__ }}',
  '{{ namespace.__init__.__globals__ }}',
  "{{ lipsum.__globals__['os'] }}",
  "{{ ''.__class__.__mro__[1].__subclasses__() }}",
  '{{ self._TemplateReference__context }}',
  '{{ self.__init__.__globals__ }}',
  "{{ (lipsum|attr('__globals__'))['os'] }}",
  "{{ ''|attr(['__cl', 'ass__']|join) }}",
  "{{ ''['\\x5f\\x5fclass\\x5f\\x5f'] }}",
  "{{ ''['__CLASS__'|lower] }}",
  '{{ dict(__class__=1).__class__ }}',
  "{{ {}['__proto__']['polluted'] }}",
  "{% set d = {} %}{% do d.update({'__proto__': {'polluted': 1}}) %}{{ {}.polluted is defined }}",
  "{% set d = {'__proto__': {'polluted': 1}} %}{{ {}.polluted is defined }}",
  '{% set n = namespace() %}{% set n.__proto__ = 1 %}{{ n.constructor }}',
  "{% set n = namespace(**{'__proto__': {'polluted': 1}}) %}{{ {}.polluted is defined }}",
  "{{ dict(**{'constructor': 1}).constructor }}",
  '{% macro m() %}{{ m.constructor }}{{ varargs.constructor }}{{ kwargs.constructor }}{{ caller }}{% endmacro ' +
    '%}{{ m(1, a=2) }}',
  '{% macro m() %}{{ caller.constructor }}{% endmacro %}{% call m() %}{% endcall %}',
  '{% for x in [1] %}{{ loop.constructor }}{{ loop.__class__ }}{{ loop.cycle.constructor }}{% endfor %}',
  '{% set x %}{{ self }}{% endset %}{{ x.constructor }}',
  '{% block b %}{{ super }}{{ self.b.constructor }}{% endblock %}',
  "{{ '%s' % ref }}",
  "{{ '{}'.format(ref) }}",
  "{{ '{0!r}'.format(adapter) }}",
  "{{ '{0.__class__}'.format(1) }}",
  "{{ '{a.__globals__}'.format(a=lipsum) }}",
  "{{ '{0.options}'.format(adapter) }}",
  "{{ '{:{}}'.format(1, adapter) }}",
  "{{ '{0[constructor]}'.format({}) }}",
  "{{ 'a'.format_map({}) }}",
  "{{ '%(constructor)s' % {} }}",
  "{{ [1,2]|map('constructor')|list }}",
  "{{ [1]|map(attribute='constructor.constructor')|list }}",
  "{{ ['a']|map('attr', 'constructor')|list }}",
  "{{ [1]|select('constructor')|list }}",
  "{{ [1]|sort(attribute='__proto__') }}",
  "{{ [{}]|groupby('constructor') }}",
  "{{ [{}]|unique(attribute='__proto__')|list }}",
  "{{ [{}]|sum(attribute='constructor') }}",
  '{{ 1 is constructor }}',
  '{{ 1|constructor }}',
  '{{ 1 is __proto__ }}',
  '{{ 1|__proto__ }}',
  '{{ 1|toString }}',
  '{{ 1 is hasOwnProperty }}',
  '{{ ref|pprint }}',
  '{{ adapter|pprint }}',
  '{{ adapter|tojson }}',
  '{{ context|tojson }}',
  '{{ target|tojson }}',
  '{{ tojson(adapter) }}',
  '{{ toyaml(adapter) }}',
  '{{ tojson(target) }}',
  '{{ adapter.config.credentials }}',
  '{{ adapter.config.credentials.password }}',
  '{{ target.password }}',
  "{{ target['pass'] }}",
  '{{ adapter.connections }}',
  '{{ adapter.config|tojson }}',
  '{{ adapter.config.to_target_dict() }}',
  '{{ fromyaml(\'!!js/function "function () { return 1 }"\') }}',
  "{{ fromyaml('!!python/object/apply:os.system [id]') }}",
  "{{ fromyaml('{__proto__: {polluted: 1}}').polluted }}",
  "{{ fromyaml('<<: {constructor: 1}').constructor.constructor }}",
  '{{ fromjson(\'{"constructor": {"prototype": {"polluted": 1}}}\').constructor.prototype.constructor }}',
  "{{ env_var('DBT_ENV_SECRET_T') }}",
  "{{ env_var('DBT_ENV_' ~ 'SECRET_T') }}",
  "{{ env_var('DBT_ENV_SECRET_T', 'd') }}",
  '{{ env_var.constructor }}',
  "{{ var('__proto__', {}).constructor }}",
  "{{ builtins.env_var('DBT_ENV_SECRET_T') }}",
  "{{ context['env_var']('DBT_ENV_SECRET_T') }}",
  "{{ modules.re.sub('a', ref, 'a') }}",
  "{{ modules.re.sub('a', ''.constructor, 'a') }}",
  "{{ modules.re.compile('(?P<constructor>a)').groupindex.constructor.constructor }}",
  "{{ modules.re.match('(?P<__proto__>a)', 'a').groupdict().__proto__.constructor }}",
  '{{ modules.datetime.sys }}',
  '{{ modules.datetime.os }}',
  '{{ modules.re.enum.sys }}',
  '{{ modules.itertools.chain.from_iterable.constructor }}',
  '{{ modules.os }}',
  '{{ modules.__proto__ }}',
  "{{ modules['constructor'] }}",
  "{% import 'm' as m %}",
  "{% include '/etc/passwd' %}",
  "{% extends 'x' %}",
  "{% from 'node:fs' import readFileSync %}",
  "{% include ['a', 'b'] ignore missing %}",
  '{% import m as m %}{{ m }}',
  '{% set process = 1 %}{{ process.env }}',
  '{{ globalThis }}{{ window }}{{ global }}{{ process }}{{ require }}{{ module }}{{ exports }}{{ Function }}{{ ' +
    'eval }}{{ this.constructor }}',
  '{{ (1).__class__.__base__ }}',
  '{{ True.__class__ }}',
  '{{ none.__class__ }}',
  '{{ loop }}{{ loop.constructor }}',
  "{% set x = cycler %}{{ x('a').next.constructor }}",
  "{{ cycler('a').current.constructor }}",
  "{{ dict.fromkeys(['__proto__'], {'polluted': 1}).polluted }}",
  '{{ dict.mro() }}',
  '{{ dict.__subclasses__() }}',
  '{{ (ref|string)[0].constructor }}',
  '{{ ref.__globals__ }}',
  '{{ ref.func_globals }}',
  '{{ ref.__code__.co_consts }}',
  '{{ config.require.__self__ }}',
  '{{ graph.nodes.values.__self__ }}',
  '{{ graph.get.constructor }}',
  '{{ this.render.constructor }}',
  '{{ this.render.__self__ }}',
  '{{ api.Relation.constructor.name }}',
  '{{ api.Relation.__new__ }}',
  '{{ api.Column.create.__func__ }}',
  "{{ log('x', **{'__proto__': 1}) }}",
  "{{ print(**{'constructor': 1}) }}",
  "{{ ref(**{'__proto__': 'm'}) }}",
  "{{ dict(a=1, **{'__proto__': {'b': 2}}).b }}",
  "{{ 'x'.join({'__proto__': 1}) }}",
  "{{ {'a': 1}.pop('constructor') }}",
  "{{ {}.setdefault('__proto__', {}).constructor }}",
  "{{ {}.get('constructor') }}",
  '{{ [].__getitem__(0) }}',
  '{{ [1].index.constructor }}',
  '{{ [1][-1].constructor }}',
  "{{ [1]['length'] }}",
  "{{ 'a'['length'] }}",
  "{{ 'abc'[0]['constructor'] }}",
];

describe('a sandbox attack', () => {
  it.each(ATTACKS)('fails: %s', async (attack) => {
    const said = await answer(`{% do store_raw_result('r', message='m') %}${attack}`);
    expect(said).not.toMatch(ESCAPED);
    expect(said).not.toContain('polluted');
    let plain = '';
    try {
      plain = String(render(attack, {}));
    } catch (error) {
      plain = (error as Error).message;
    }
    expect(plain).not.toMatch(ESCAPED);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  it('in the YAML of a project fails, too', () => {
    const renderFile = createFileRenderer(w.context, w.context.templates);
    const surroundings = { target: null, vars: {}, requireVars: false, env: w.context.env, secrets: false };
    for (const attack of ATTACKS) {
      let said = '';
      try {
        said = JSON.stringify(renderFile(attack, surroundings));
      } catch (error) {
        said = (error as Error).message;
      }
      expect([attack, ESCAPED.test(said)]).toEqual([attack, false]);
    }
  });
});
