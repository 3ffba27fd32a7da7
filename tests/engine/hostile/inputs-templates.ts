// Hostile templates: nesting without end, values that grow without bound, values that hold themselves, patterns and numbers out of reason.
import { HARMLESS, type HostileInput, times } from './input.ts';

const DEEP = 30_000;

/** Constructs of Jinja as deep as one likes. */
const NESTED: Readonly<Record<string, (n: number) => string>> = {
  parentheses: (n) => `{{ ${times('(', n)}1${times(')', n)} }}`,
  lists: (n) => `{{ ${times('[', n)}${times(']', n)} }}`,
  dictionaries: (n) => `{{ ${times('{"a":', n)}1${times('}', n)} }}`,
  'tuples of one': (n) => `{{ ${times('(', n)}1${times(',)', n)} }}`,
  minus: (n) => `{{ ${times('-', n)}1 }}`,
  not: (n) => `{{ ${times('not ', n)}1 }}`,
  sums: (n) => `{{ 1${times('+1', n)} }}`,
  'sums to the right': (n) => `{{ 1${times('+(1', n)}${times(')', n)} }}`,
  tildes: (n) => `{{ 1${times('~1', n)} }}`,
  powers: (n) => `{{ 1${times('**1', n)} }}`,
  'ands and ors': (n) => `{{ 1${times(' and 1 or 0', n)} }}`,
  comparisons: (n) => `{{ 1${times(' < 2', n)} }}`,
  filters: (n) => `{{ 1${times('|abs', n)} }}`,
  tests: (n) => `{{ 1${times(' is defined', n)} }}`,
  attributes: (n) => `{{ x${times('.a', n)} }}`,
  subscripts: (n) => `{{ x${times('[0]', n)} }}`,
  'subscripts in subscripts': (n) => `{{ ${times('x[', n)}0${times(']', n)} }}`,
  calls: (n) => `{{ x${times('()', n)} }}`,
  'calls in calls': (n) => `{{ ${times('x(', n)}${times(')', n)} }}`,
  'keyword arguments': (n) => `{{ ${times('x(a=', n)}1${times(')', n)} }}`,
  ternaries: (n) => `{{ ${times('1 if 0 else ', n)}1 }}`,
  slices: (n) => `{{ x${times('[1:2]', n)} }}`,
  ifs: (n) => `${times('{% if 1 %}', n)}${times('{% endif %}', n)}`,
  elifs: (n) => `{% if 0 %}${times('{% elif 0 %}', n)}{% endif %}`,
  fors: (n) => `${times('{% for i in [1] %}', n)}${times('{% endfor %}', n)}`,
  'set blocks': (n) => `${times('{% set a %}', n)}${times('{% endset %}', n)}`,
  'filter blocks': (n) => `${times('{% filter upper %}', n)}${times('{% endfilter %}', n)}`,
  'call blocks': (n) => `${times('{% call x() %}', n)}${times('{% endcall %}', n)}`,
  withs: (n) => `${times('{% with a=1 %}', n)}${times('{% endwith %}', n)}`,
  macros: (n) => `${times('{% macro a() %}', n)}${times('{% endmacro %}', n)}`,
  'targets of for': (n) => `{% for ${times('(', n)}a${times(',)', n)} in x %}{% endfor %}`,
  'targets of set': (n) => `{% set ${times('(', n)}a${times(',)', n)} = x %}`,
  'blocks never closed': (n) => times('{% if 1 %}', n),
  'parentheses never closed': (n) => `{{ ${times('(', n)}`,
  'strings in a row': (n) => `{{ ${times('"a" ', n)} }}`,
  names: (n) => `{{ ${times('a', n * 10)} }}`,
  digits: (n) => `{{ ${times('9', n * 10)} }}`,
  outputs: (n) => times('{{ 1 }}', n),
  comments: (n) => `${times('{#', n)}${times('#}', n)}`,
  braces: (n) => times('{', n * 3),
  'raw blocks never closed': (n) => times('{% raw %}', n),
};

const nested: HostileInput[] = Object.entries(NESTED).flatMap(([what, text]): HostileInput[] => [
  { name: `a model with ${DEEP} ${what}`, command: ['parse'], files: { 'models/a.sql': `select 1\n${text(DEEP)}` }, exit: HARMLESS, names: /a\.sql|Found|^$/ },
  { name: `a macro with 3,000 ${what}, called`, command: ['compile', '--no-introspect'], files: { 'macros/m.sql': `{% macro m(x) %}\n${text(3_000)}\n{% endmacro %}`, 'models/a.sql': 'select {{ m(1) }}' }, exit: HARMLESS },
]);

const inOtherFiles: HostileInput[] = [
  ...Object.entries({ parentheses: NESTED['parentheses']!, ifs: NESTED['ifs']!, powers: NESTED['powers']!, 'calls in calls': NESTED['calls in calls']! }).flatMap(([what, make]): HostileInput[] => {
    const text = JSON.stringify(make(DEEP));
    return [
      { name: `${what} in dbt_project.yml`, command: ['parse'], files: { 'dbt_project.yml': `name: p\nversion: ${text}\nprofile: p\n` }, exit: HARMLESS },
      { name: `${what} in vars of dbt_project.yml`, command: ['parse'], files: { 'dbt_project.yml': `name: p\nprofile: p\nmodels: {p: {+schema: ${text}}}\n`, 'models/a.sql': 'select 1' } },
      { name: `${what} in profiles.yml`, command: ['parse'], files: { 'profiles.yml': `p: {target: dev, outputs: {dev: {type: postgres, host: ${text}, user: u, password: p, port: 1, dbname: d, schema: s}}}` } },
      { name: `${what} in a description`, command: ['parse'], files: { 'models/a.sql': 'select 1', 'models/s.yml': `models: [{name: a, description: ${text}}]` } },
      { name: `${what} in the arguments of a test`, command: ['parse'], files: { 'models/a.sql': 'select 1', 'models/s.yml': `models: [{name: a, columns: [{name: b, data_tests: [{accepted_values: {values: [${text}]}}]}]}]` }, exit: HARMLESS },
      { name: `${what} in the file of docs`, command: ['parse'], files: { 'models/d.md': `{% docs a %}${make(DEEP)}{% enddocs %}` }, exit: HARMLESS },
      { name: `${what} in on-run-start`, command: ['parse'], files: { 'dbt_project.yml': `name: p\nprofile: p\non-run-start: ${text}\n` }, exit: HARMLESS },
      { name: `${what} in --inline`, command: ['compile', '--no-introspect', '--inline', make(3_000)], files: {}, exit: HARMLESS },
    ];
  }),
];

/** Expressions whose values are too large, too deep or never end. */
const VALUES: readonly string[] = [
  // What doubles.
  '{% set ns = namespace(l=[1]) %}{% for i in range(40) %}{% set ns.l = ns.l + ns.l %}{% endfor %}{{ ns.l | length }}',
  '{% set l = [1] %}{% for i in range(40) %}{% do l.extend(l) %}{% endfor %}{{ l | length }}',
  '{% set ns = namespace(l=[1]) %}{% for i in range(40) %}{% set ns.l = ns.l * 2 %}{% endfor %}{{ ns.l | length }}',
  '{% set ns = namespace(l=(1,)) %}{% for i in range(40) %}{% set ns.l = ns.l + ns.l %}{% endfor %}{{ ns.l | length }}',
  "{% set ns = namespace(s='ab') %}{% for i in range(40) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}{{ ns.s | length }}",
  "{% set ns = namespace(s='ab') %}{% for i in range(40) %}{% set ns.s = ns.s + ns.s %}{% endfor %}{{ ns.s | length }}",
  "{% set ns = namespace(s='ä€') %}{% for i in range(40) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}{{ ns.s | upper | length }}",
  "{% set ns = namespace(s='aa') %}{% for i in range(40) %}{% set ns.s = ns.s | replace('a', 'aa') %}{% endfor %}{{ ns.s }}",
  "{% set ns = namespace(s='aa') %}{% for i in range(40) %}{% set ns.s = ns.s.replace('', 'aa') %}{% endfor %}{{ ns.s }}",
  "{% set ns = namespace(s='aa') %}{% for i in range(40) %}{% set ns.s = ns.s.join(ns.s) %}{% endfor %}{{ ns.s }}",
  "{% set ns = namespace(s='aa') %}{% for i in range(40) %}{% set ns.s = [ns.s, ns.s] | join(ns.s) %}{% endfor %}{{ ns.s }}",
  "{% set ns = namespace(s='aa') %}{% for i in range(40) %}{% set ns.s = '%s%s' % (ns.s, ns.s) %}{% endfor %}{{ ns.s }}",
  "{% set ns = namespace(s='aa') %}{% for i in range(40) %}{% set ns.s = '{0}{0}'.format(ns.s) %}{% endfor %}{{ ns.s }}",
  "{% set ns = namespace(s='aa') %}{% for i in range(40) %}{% set ns.s = ('%s%s' | format(ns.s, ns.s)) %}{% endfor %}{{ ns.s }}",
  "{% set ns = namespace(s='&') %}{% for i in range(40) %}{% set ns.s = ns.s | e | string | forceescape %}{% endfor %}{{ ns.s }}",
  "{% set ns = namespace(s='a') %}{% for i in range(40) %}{% set ns.s = tojson([ns.s, ns.s]) %}{% endfor %}{{ ns.s }}",
  "{% set ns = namespace(s='a') %}{% for i in range(40) %}{% set ns.s = toyaml([ns.s, ns.s]) %}{% endfor %}{{ ns.s }}",
  "{% set ns = namespace(s='a') %}{% for i in range(40) %}{% set ns.s = modules.re.sub('', ns.s, ns.s) %}{% endfor %}{{ ns.s }}",
  "{% set ns = namespace(s='a') %}{% for i in range(40) %}{% set ns.s %}{{ ns.s }}{{ ns.s }}{% endset %}{% endfor %}{{ ns.s }}",
  '{% set ns = namespace(s=[1]) %}{% for i in range(40) %}{% set ns.s = modules.itertools.chain(ns.s, ns.s) | list %}{% endfor %}{{ ns.s }}',
  '{% set ns = namespace(s=10) %}{% for i in range(60) %}{% set ns.s = ns.s * ns.s %}{% endfor %}{{ ns.s > 1 }}',
  '{% set d = {} %}{% for i in range(4000) %}{% for j in range(4000) %}{% do d.update({i * 4000 + j: i}) %}{% endfor %}{% endfor %}{{ d | length }}',
  "{% set l = [] %}{% for i in range(100000) %}{% do l.append(('x' * 100000) | upper) %}{% endfor %}{{ l | length }}",
  '{% set l = [] %}{% for i in range(100000) %}{% do l.append([0] * 1000000) %}{% endfor %}{{ l | length }}',
  '{% set l = [] %}{% for i in range(100000) %}{% do l.append(range(99999) | list) %}{% endfor %}{{ l | length }}',
  // What holds itself many times over: short to build, endless to walk.
  ...['{{ ns.l }}', '{{ tojson(ns.l) | length }}', '{{ ns.l | tojson | length }}', '{{ ns.l == ns.m }}', '{{ ns.l in [ns.m] }}', '{{ toyaml(ns.l) }}', '{{ ns.l | pprint }}', '{{ ns.l | string }}', "{{ '%s' % [ns.l] }}",
    '{{ [ns.l, ns.m] | unique | list }}', '{{ [ns.l, ns.m] | sort }}', '{{ ns.l < ns.m }}', '{{ set([ns.l]) }}', '{{ ns.l | map("string") | list }}', '{{ log(ns.l) }}', '{{ print(ns.l) }}', '{{ config(meta={"a": ns.l}) }}', '{{ ref(ns.l) }}',
    '{{ return(ns.l) }}', '{{ ns.l ~ "" }}', '{{ [ns.l] | groupby(0) }}', '{{ {"a": ns.l}.items() | list }}', '{{ local_md5(ns.l) }}', '{{ var("x", ns.l) }}', '{{ exceptions.raise_compiler_error(ns.l) }}', '{{ exceptions.warn(ns.l) }}',
  ].map((use) => `{% set ns = namespace(l=[1], m=[1]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% set ns.m = [ns.m, ns.m] %}{% endfor %}${use}`),
  ...['{{ ns.l }}', '{{ tojson(ns.l) }}', '{{ ns.l == ns.m }}'].map((use) => `{% set ns = namespace(l={}, m={}) %}{% for i in range(60) %}{% set ns.l = {'a': ns.l, 'b': ns.l} %}{% set ns.m = {'a': ns.m, 'b': ns.m} %}{% endfor %}${use}`),
  ...['{{ ns.l }}', '{{ {ns.l: 1} }}', '{{ ns.l == ns.m }}', '{{ [ns.l, ns.m] | unique | list }}'].map((use) => `{% set ns = namespace(l=(1,), m=(1,)) %}{% for i in range(60) %}{% set ns.l = (ns.l, ns.l) %}{% set ns.m = (ns.m, ns.m) %}{% endfor %}${use}`),
  // What holds itself.
  ...['{{ l }}', '{{ tojson(l) }}', '{{ l | tojson }}', '{{ l == m }}', '{{ l in m }}', '{{ l < m }}', '{{ toyaml(l) }}', '{{ l | pprint }}', '{{ l | sum(start=[]) }}', '{{ l | join }}', '{{ config(meta={"a": l}) }}', '{{ ref(l) }}', '{{ var("a", l) }}',
    '{{ return(l) }}', '{{ l.index(m) }}', '{{ l.count(m) }}', '{{ [l, m] | unique | list }}', '{{ [l, m] | sort }}', '{{ [l, m] | max }}', '{{ l | string }}', '{{ l.copy() == m.copy() }}', '{% do l.remove(m) %}', '{{ l | map("string") | list }}', '{{ (l, ) == (m, ) }}',
  ].map((use) => `{% set l = [] %}{% do l.append(l) %}{% set m = [] %}{% do m.append(m) %}${use}`),
  ...['{{ d }}', '{{ tojson(d) }}', '{{ d == e }}', '{{ toyaml(d) }}', '{{ d | pprint }}', '{{ config(meta=d) }}', '{{ config(**d) }}', '{{ d | dictsort }}', '{{ d | xmlattr }}', '{{ d | items | list }}'].map((use) => `{% set d = {} %}{% do d.update({'a': d}) %}{% set e = {} %}{% do e.update({'a': e}) %}${use}`),
  ...['{{ ns.l }}', '{{ tojson(ns.l) | length }}', '{{ ns.l == ns.m }}', '{{ toyaml(ns.l) }}', '{{ ns.l | pprint }}', '{{ config(meta={"a": ns.l}) }}'].map((use) => `{% set ns = namespace(l=[], m=[]) %}{% for i in range(50000) %}{% set ns.l = [ns.l] %}{% set ns.m = [ns.m] %}{% endfor %}${use}`),
  // Too many.
  ...['permutations(range(30))', 'permutations(range(11), 11)', 'permutations(range(30), 9)', 'combinations(range(60), 30)', 'combinations_with_replacement(range(60), 30)', 'product(range(1000), range(1000), range(1000))', 'product([1,2], repeat=100000000)', 'product([], repeat=100000000)',
    'product([1], repeat=100000000)', 'repeat(1, 1000000000)', 'tee([1], 1000000000)', 'count() | list', 'cycle([1]) | list', 'cycle([]) | list', 'islice(count(), 1000000000)', 'islice([1], 0, 10, 0)', 'chain(count())', 'zip_longest(range(9000000), range(9000000))', 'accumulate(count())', 'starmap(range, count())', 'combinations([1,2,3], 1000000000)',
    'combinations(range(3), 99999999999999999999999)', 'compress(count(), count())',
  ].map((call) => `{{ modules.itertools.${call.replace(/^(\w+\(.*?\))( \| list)?$/s, (_, c: string, l: string | undefined) => `${c.replaceAll('count()', 'modules.itertools.count()').replace(/^modules\.itertools\./, '')}${l ?? ''}`)} }}`),
  ...["'x' * 10 ** 12", "'x' * 99999999", "'ä€' * 99999999", '[0] * 10 ** 9', '[0] * 99999999', '(0,) * 99999999', '10 ** (10 ** 10)', '2 ** 100000000', '9 ** 9 ** 9', '0.5 ** 99999999999999999999', '(-2) ** 0.5', '1e308 * 10', '10 ** 400 / 3', '10 ** 400 * 1.5', '(10 ** 4300) | string', '10 ** 5000', "('9' * 1000000) | int", "('9' * 1000000) | float",
    "'x'.ljust(10 ** 12)", "'x'.ljust(10 ** 8)", "'x'.rjust(99999999999999999999)", "'x'.zfill(10 ** 10)", "'x'.center(10 ** 10)", "'x' | center(10 ** 12)", "'\\t'.expandtabs(10 ** 10)", "'%1000000000000d' % 1", "'%.1000000000f' % 1", "'%*d' % (10 ** 9, 1)", "'%.*f' % (10 ** 9, 1)", "'{:1000000000000}'.format(1)", "'{:.1000000000f}'.format(1.5)", "'{:0>999999999}'.format(1)",
    "'{0:{1}}'.format(1, 10 ** 9)", "'x' | indent(10 ** 12)", "'x\\n' * 1000 | indent(10 ** 6)", "'x' | truncate(10 ** 18)", "'x y' | wordwrap(10 ** 18)", "'x' | wordwrap(0)", "'x' | wordwrap(-5)", 'range(10 ** 9)', 'range(10 ** 18) | list', 'range(0, 10 ** 30)', 'range(10 ** 400)', 'range(1, 10, 0)', '[1] | batch(10 ** 9, 1) | list', '[1] | batch(0) | list', '[1] | batch(-1) | list', '[1] | slice(10 ** 9) | list',
    '[1] | slice(0) | list', '1.5 | round(10 ** 9)', '1.5 | round(-10 ** 9)', '1.5 | round(400)', '1 | round(-10 ** 6)', '1 | filesizeformat', '10 ** 400 | filesizeformat', 'lipsum(10 ** 9)', 'lipsum(n=10, min=10 ** 8, max=10 ** 9)', 'joiner(1)()', 'cycler()', "'a' | tojson(10 ** 9)", "[[1]] | tojson(10 ** 8)", "tojson([1], sort_keys=10 ** 9)",
    'modules.datetime.date(10 ** 9, 1, 1)', 'modules.datetime.timedelta(days=10 ** 18)', 'modules.datetime.timedelta(days=999999999) * 1000', 'modules.datetime.datetime.max + modules.datetime.timedelta(days=1)', "modules.datetime.datetime.strptime('x' * 100000, '%Y' * 1000)", "modules.datetime.datetime.now().strftime('%Y' * 1000000) | length", "modules.datetime.datetime.fromtimestamp(10 ** 18)", "modules.pytz.timezone('x' * 1000000)",
    "modules.pytz.timezone('../../etc/passwd')", "fromjson('[' * 100000)", `fromjson('[' * 100000 ~ ']' * 100000)`, `fromjson('{"a":' * 100000 ~ '1' ~ '}' * 100000)`, "fromjson('1' * 1000000)", "fromjson('1e999999999')", "fromyaml('[' * 20000)", "fromyaml('[' * 20000 ~ ']' * 20000)", "fromyaml('{a: ' * 20000 ~ '1' ~ '}' * 20000)", "fromyaml('- ' * 20000)", "fromyaml('a: &a [*a]')", "fromyaml('a: &a {<<: *a}')", "fromyaml('&a [*a, *a]')",
    "fromyaml('a: &a [1,1,1,1,1,1,1,1,1]\\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\\ng: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f]\\nh: &h [*g,*g,*g,*g,*g,*g,*g,*g,*g]\\ni: &i [*h,*h,*h,*h,*h,*h,*h,*h,*h]')",
    "fromyaml('x' * 20000000) | length", "fromyaml('!!python/object:os.system [ls]')", "local_md5('x' * 90000000)", "('a,' * 30000000).split(',') | length", "('a' * 30000000) | list | length", "('a' * 30000000) | reverse | list | length", "('x' * 30000000) | urlize | length", "('<' * 50000000) | e | length", "('x ' * 10000000) | wordcount", "('x' * 30000000) | title | length", "('&' * 50000000) | urlencode | length",
    "('é' * 10000000) | tojson | length", "dict(a=1) | xmlattr", "['x' * 90000000] * 100 | join | length", "(['x' * 90000000] * 100) | string | length", "tojson(['x' * 90000000] * 100) | length", "range(99999) | map('string') | map('center', 100000) | join | length", "zip(range(99999), range(99999)) | list | length", "set(range(99999) | list * 200)", "range(99999) | list | sort | sum", "range(99999) | list | unique | list | length",
    "[1] | sum(start=[])", "[[1]] * 3000 | sum(start=[]) | length", "{}.update", "namespace(a=namespace)", "self", "self()", "loop", "caller()", "context", "varargs", "kwargs", "super()", "cycler", "graph", "builtins", "model", "this | tojson", "target | tojson", "flags | tojson", "adapter", "adapter.dispatch('x' * 1000000)()", "adapter.dispatch('__proto__')()", "ref('x' * 10000000)", "ref('__proto__')", "ref('constructor')", "source('__proto__', 'constructor')", "var('__proto__')", "var('constructor', 1)", "env_var('__proto__')", "env_var('x' * 10000000)", "doc('x')",
    "exceptions.raise_compiler_error('x' * 90000000)", "exceptions.raise_compiler_error(1)", "exceptions.warn('x' * 90000000)", "log('x' * 90000000)", "config(alias='x' * 10000000)", "config(tags=['x'] * 1000000)", "config.get('x' * 10000000)", "config(materialized=1)", "config(materialized=['a'])", "config(1)", "config('a', 'b')", "config(schema={})", "config(alias=1)", "config(tags={'a': 1})", "config(meta=1)", "config(pre_hook=1)", "config(enabled='maybe')", "config(constructor=1, __proto__=2)", "config(persist_docs=1)", "config(grants=1)", "config(unique_key={})", "config(on_schema_change={})",
  ].map((expression) => `{{ ${expression} }}`),
  // What calls itself.
  '{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}',
  '{% macro a() %}{% call a() %}{{ caller() }}{% endcall %}{% endmacro %}{{ a() }}',
  '{% macro a(x) %}{{ x(x) }}{% endmacro %}{{ a(a) }}',
  '{% macro a(x) %}{{ [1] | map(x) | list }}{% endmacro %}{{ a(a) }}',
  '{% for x in [[1]] recursive %}{{ loop([x]) }}{% endfor %}',
  '{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}',
  '{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}',
  '{% set l = [1] %}{% for x in l %}{% do l.append(x) %}{% endfor %}',
  '{% for x in modules.itertools.count() %}{% endfor %}',
  '{% for x in modules.itertools.count() %}{{ x }}{% endfor %}',
  "{% for x in modules.itertools.cycle(['x' * 1000000]) %}{{ x }}{% endfor %}",
  "{% include 'a' %}", "{% extends 'a' %}", "{% import 'models/a.sql' as x %}", "{% from '../../etc/passwd' import x %}", "{% include 'a.sql' ignore missing %}{% include ['a', 'b'] %}",
  "{{ '\\x' }}", "{{ '\\u' }}", "{{ '\\N{nothing}' }}", "{{ '\\U99999999' }}", '{{ 0x }}', '{{ 0b2 }}', '{{ 1_000__0 }}', '{{ 1e }}', "{{ 'abc }}", '{{ a. }}', '{{ | }}', '{% %}', '{%', '{{', '{#', '{% endif %}', '{% unknown %}', '{% set %}', '{% set a.b.c = 1 %}', '{% for in %}', '{% macro %}', "{% macro 1() %}{% endmacro %}", '{% materialization x %}{% endmaterialization %}', '{% test %}{% endtest %}', '{% snapshot %}{% endsnapshot %}', '{% docs %}{% enddocs %}',
];

const values: HostileInput[] = VALUES.map((text, i) => ({ name: `template ${i}: ${text.length > 150 ? `${text.slice(0, 60)} … ${text.slice(-80)}` : text}`, command: ['parse'], files: { 'models/a.sql': `select 1\n${text}` }, exit: HARMLESS, names: /models\/a\.sql|models\/a|Found|^$/ }));

/** Patterns that backtrack without end, or are no patterns. */
const A = "'a' * 40 ~ '!'";
const PATTERNS: readonly string[] = [
  `modules.re.match('(a+)+$', ${A})`, `modules.re.search('(a|a)*$', ${A})`, `modules.re.fullmatch('(a|aa)+', ${A})`, `modules.re.findall('(a*)*b', ${A})`, `modules.re.split('(a+)+b', ${A})`, `modules.re.sub('(a+)+b', 'x', ${A})`, `modules.re.subn('(.*)*b', 'x', ${A})`,
  `modules.re.compile('([a-z]+)*c').match(${A})`, `modules.re.finditer('(a?){40}a{40}b', ${A}) | list`, `modules.re.match('^(([a-z])+.)+[A-Z]([a-z])+$', ${A})`, `modules.re.match('(?:a|b|ab)*c', 'ab' * 30)`, `modules.re.match('(x+x+)+y', 'x' * 60)`, `modules.re.search('.*.*.*.*.*.*=', 'x' * 3000)`,
  `modules.re.search('(?=(a+)+b)', ${A})`, `modules.re.search('(?<=(a+)+)b', ${A})`, `modules.re.match('(\\\\w+\\\\s?)*!', 'aaaa ' * 12)`, `modules.re.sub('\\\\s+$', '', ' ' * 200000 ~ 'x')`, "modules.re.compile('(' * 50000)", "modules.re.compile('(' * 50000 ~ ')' * 50000)", "modules.re.compile('[' * 50000)", "modules.re.compile('a' * 5000000)",
  "modules.re.compile('a{1000000000}')", "modules.re.match('(a{60000}){60000}', 'a')", "modules.re.match('(((a{999}){999}){999}){999}', 'a')", "modules.re.compile('a{99999999999999999999}')", "modules.re.compile('\\\\1')", "modules.re.compile('(?P<a>x)(?P<a>y)')", "modules.re.compile('(?P<__proto__>x)')", "modules.re.compile('[z-a]')", "modules.re.compile('*')", "modules.re.compile('\\\\p{L}')", "modules.re.compile('(?R)')", "modules.re.compile('a|*')", "modules.re.compile('\\\\')",
  "modules.re.compile('(?i' )", "modules.re.sub('a', '\\\\9', 'a')", "modules.re.sub('a', '\\\\g<b>', 'a')", "modules.re.match(1, 'a')", "modules.re.match('a', 1)", "modules.re.compile('a', 99999999999999999999)", "modules.re.compile('a', 'b')", "modules.re.split('a', 'a', 'b')", "modules.re.sub('a', 1, 'a')", "modules.re.escape(1)", "modules.re.sub('', 'x' * 1000000, 'y' * 1000000)", "modules.re.findall('', 'x' * 3000000) | length", "modules.re.search('x', 'y' * 30000000)", "modules.re.match('a', 'a').group(9)", "modules.re.match('a', 'a').group('x')", "modules.re.match('(?:a|a)*' * 30 ~ 'b', 'a' * 30)",
  "modules.re.compile('(a|b|c|d|e|f)*g').pattern", "modules.re.search('^(.*?,){25}P', '1,' * 400)", "modules.re.compile('|' * 100000).match('a')", "modules.re.compile('(?:' * 3000 ~ 'a' ~ ')*' * 3000).match('a' * 100)",
];
const patterns: HostileInput[] = PATTERNS.map((text) => ({ name: `pattern: ${text}`, command: ['parse'], files: { 'models/a.sql': `select 1\n{{ ${text} }}` }, exit: HARMLESS, names: /models\/a\.sql|Found|^$/ }));

export const TEMPLATES: readonly HostileInput[] = [...nested, ...inOtherFiles, ...values, ...patterns];
