// Tests which templates depend only on the names in their text, so that their results can be cached.
import { describe, expect, it } from 'vitest';
import { repeatableNames, TEXT_NAMES, YAML_NAMES } from '../../../../src/context/repeatable.ts';
import { parseTemplate } from '../../../../src/jinja/index.ts';

const textNames = (text: string) => repeatableNames(parseTemplate(text).body, TEXT_NAMES);
const yamlNames = (text: string) => repeatableNames(parseTemplate(text).body, YAML_NAMES);

describe('the text of a variable', () => {
  it.each([
    ['{{ run_started_at.astimezone(modules.pytz.timezone("UTC")) }}', ['run_started_at', 'modules']],
    ['{{ run_started_at.strftime("%Y") | int + 1 }}', ['run_started_at']],
    ["{% set x = target.name %}{{ 'a' if x == 'dev' else project_name.upper() }}", ['target', 'project_name']],
    ['plain {{ 1 + 1 }}', []],
  ])('can be repeated if it is %s', (text, names) => {
    expect([...(textNames(text) ?? ['not repeatable'])]).toEqual(names);
  });

  it.each([
    '{{ modules.datetime.datetime.now() }}',
    '{{ run_started_at.now() }}',
    "{{ var('x') }}",
    "{{ env_var('X') }}",
    "{{ log('x') }}",
    '{{ my_macro() }}',
    '{{ my_package.my_macro() }}',
    "{{ ref('a') }}",
    '{{ [1, 2] | random }}',
    '{% set l = [] %}{% do l.append(1) %}{{ l }}',
    "{% do target.update({'name': 'x'}) %}",
    '{% set f = target.get %}{{ f("name") }}',
    '{{ target["get"]("name") }}',
    '{{ dict(**target) }}',
    '{{ context["log"]("x") }}',
    '{% call(x) target.get() %}{% endcall %}',
    '{{ this }}',
  ])('cannot be repeated if it is %s', (text) => {
    expect(textNames(text)).toBeNull();
  });
});

describe('the text of a YAML file', () => {
  it.each(["{{ var('a', false) | as_bool }}", "{{ env_var('A', 'b') == 'b' and target.name in ['prod'] }}"])(
    'can be repeated if it is %s',
    (text) => expect(yamlNames(text)).not.toBeNull(),
  );

  it.each(["{{ var.x('a') }}", "{% set var = target %}{{ var('a') }}", "{{ print('x') }}", '{{ flags.WHICH }}'])(
    'cannot be repeated if it is %s',
    (text) => expect(yamlNames(text)).toBeNull(),
  );
});
