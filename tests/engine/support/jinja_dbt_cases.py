# Records block scanning, native rendering and unrendered config() of real dbt: the goldens of
# tests/engine/unit/jinja.
# Usage: python jinja_dbt_cases.py OUTPUT.json. Needs dbt-core 1.12.
import json
import sys

from dbt.clients.jinja_static import statically_parse_unrendered_config
from dbt_common.clients.jinja import extract_toplevel_blocks, get_template, render_template

BLOCKS = [
    "",
    "select 1",
    "{% macro a() %}x{% endmacro %}",
    "text {% macro a() %}x{% endmacro %} more {% test b(c) %}y{% endtest %}\n",
    "{%- macro a() -%} x {%- endmacro -%}\n\n",
    "{% macro a() %}{% if x %}{% for y in z %}{% endfor %}{% endif %}{% endmacro %}",
    "{% if x %}{% macro a() %}{% endmacro %}{% endif %}",
    "{% for x in y %}\n {% macro a() %}{% endmacro %}{% endfor %}",
    "{% macro a() %}",
    "{% macro a() %}\n\n{% macro b() %}{% endmacro %}",
    "{% endif %}",
    "{% for x in y %}{% endif %}",
    "{% if x %}{% endfor %}",
    "{% macro a() %}{{ '{% endmacro %}' }}{% endmacro %}",
    "{% macro a(x='%}') %}b{% endmacro %}",
    "{# {% macro a() %} #}{% macro b() %}{% endmacro %}",
    "{% raw %}{% macro a() %}{% endraw %}{% macro b() %}{% endmacro %}",
    "{% macro a() %}{% raw %}{% endmacro %}{% endraw %}{% endmacro %}",
    "{{ '}}' }}{% macro a() %}{% endmacro %}{{ \"x\" }}",
    "{% materialization view, default %}a{% endmaterialization %}{% docs d %} text {% enddocs %}{% snapshot s %}{{ "
    "config() }}{% endsnapshot %}",
    "{% docs d1 %}\n# title\n{% enddocs %}\n{% docs d2 %}{% raw %}{{ x }}{% endraw %}{% enddocs %}",
    "{% set x = 1 %}{% macro a() %}{% endmacro %}",
    "{% macro a() %}{% endtest %}{% endmacro %}",
    "{% macro a() %}x{% endmacro a %}",
    "{% macro a() %}{{ 'it' }}{{ \"it's\" }}{# it's #}{% endmacro %}",
    "it's {% macro a() %}{% endmacro %} it's",
    "{{ 'unclosed }}",
    "{{ unclosed",
    "{# unclosed",
    "{% unclosed",
    "{% raw %}unclosed",
    "{% macro a() %} {%set y='a\\'b'%} {% endmacro %}",
    "{%macro a()%}{%endmacro%}{%   test   b ( c )  %}{%   endtest   %}",
    "{% call x() %}{% endcall %}{% data_test d(x) %}{% enddata_test %}",
]
ALLOWED = {"macro", "materialization", "test", "data_test", "docs", "snapshot"}

NATIVE = [
    "{{ 1 }}",
    "{{ x }}",
    "{{ x }} ",
    "a{{ x }}",
    "{{ true }}",
    "{{ [1,2] }}",
    "{{ x | as_text }}",
    "{{ '3' | as_number }}",
    "{{ s3 | as_number }}",
    "{{ '3.5' | as_native }}",
    "{{ 'true' | as_bool }}",
    "{{ 'True' | as_bool }}",
    "{{ s | as_bool }}",
    "{{ s | as_number }}",
    "{{ lst }}",
    "{{ d }}",
    "{{ none }}",
    "{{ n }}",
    "",
    "plain",
    "1",
    "{{ x }}{{ x }}",
    "{{ x + 1 }}",
    "{{ 1 + 1 }}",
    "{{ 'a' ~ 'b' }}",
    "{% if x %}{{ lst }}{% endif %}",
    "{% if x %}a{% endif %}{{ lst }}",
    "{{ s3 }}",
    "{{ s3 | as_native }}",
    "{{ '[1, 2]' | as_native }}",
    "{{ lit | as_native }}",
    "{{ \"{'a': 1}\" | as_native }}",
    "{{ '(1,)' | as_native }}",
    "{{ '{1, 2}' | as_native }}",
    "{{ 'None' | as_native }}",
    "{{ '-1.5' | as_native }}",
    "{{ \"'q'\" | as_native }}",
    "{{ '1_000' | as_native }}",
    "{{ '0x10' | as_native }}",
    "{{ x | string }}",
    "{{ 1 | string }}",
    "{{ [x] }}",
    "{{ (1, x) }}",
    "{{ {'a': x} }}",
    "{{ x if x else 2 }}",
    "{{ 1 if true else 2 }}",
    "{% set y = 5 %}{{ y }}",
    "{% for i in [1,2] %}{{ i }}{% endfor %}",
    "{% for i in [1] %}{{ i }}{% endfor %}",
    "{{ ['a'] | first }}",
    "{{ ['a','b'] | join(',') }}",
    "{{ [1,2] | map('string') | list }}",
    "{{ x | is_list }}",
    "{{ lst | is_list }}",
    "{{ x }}\n",
    "{{ True | as_bool }}",
    "{{ x | as_bool }}",
    "{{ 'a' in ['a', 'b'] | as_bool }}",
    "{{ 'c' in ['a', 'b'] | as_native }}",
    "{{ ('1' | as_number) + '2' }}",
    "{{ ('ab' | as_text).upper() }}",
    "{{ ('ab' | as_text)[0] }}",
    "{{ ('ab' | as_text) | length }}",
    "{{ ('%s' | as_text) % x }}",
    "{{ 1 in ('1' | as_number) }}",
    "{{ '1' | as_text }}",
    "{{ x is defined }}",
    "{{ 1 == 1 }}",
    "{{ not x }}",
    "{{ lst[0] }}",
    "{{ 'abc'[0] }}",
    "{{ d.a }}",
    "{{ 1.0 }}",
    "{# c #}{{ x }}",
    "{{ x }}{# c #}",
    "{{ d.items() | list }}",
    "{{ nope }}",
    "{{ x ~ '' }}",
    "{% set v %}{{ x }}{% endset %}{{ v }}",
    "{% set v %}{{ 5 }}a{{ 6 }}{{ s }}{{ x }}{% endset %}{{ v }}",
    "{% filter length %}abc{% endfilter %}",
    "{% filter length %}a{{ x }}{% endfilter %}",
    "{% set v | length %}abc{% endset %}{{ v }}",
    "{% for i in lst recursive %}{{ i }}{% endfor %}",
    "{% for i in lst recursive %}a{% endfor %}",
    "{% call range(3) %}{% endcall %}",
    "{% set v %}{% for i in lst %}{{ i }}{% endfor %}{% endset %}",
    "{% set v %}{{ 1 if x else 2 }}{% endset %}{{ v }}",
    "{% set v %}{{ [1, 'a'] }}{% endset %}{{ v }}",
    "{% set v %}{{ 'a' ~ x }}{{ none }}{{ s.upper() }}{% endset %}{{ v }}",
    "{% set v %}{% filter length %}a{% endfilter %}{% endset %}{{ v }}",
    "{% set v %}{% set w %}a{{ x ~ 1 }}{% endset %}{{ 1 }}{{ w }}{{ x }}{% endset %}{{ v }}",
]
CONTEXT = {"x": 5, "s": "abc", "s3": "3", "lst": [1, "a"], "d": {"a": 1}, "n": None, "lit": "[1, {'a': (2, None)}]"}

CONFIGS = [
    "select 1",
    "{{ config(materialized='table', tags=['a', \"b\"], n=1, f=1.5, b=true, z=none, d={'k': v}, t=(1,), "
    "e=env_var('X', 'y'), c='a' ~ b, i=x if y else z, g=a.b[0], m=-1, k=not a, q=a == 1 and b in c or d, s=a | upper) "
    "}}",
    "{{ config(**x) }}{{ config(a=1) }}",
]


def blocks(source):
    try:
        found = extract_toplevel_blocks(source, allowed_blocks=ALLOWED)
        return {
            "blocks": [[b.block_type_name, getattr(b, "block_name", None), b.contents, b.full_block] for b in found]
        }
    except Exception as error:
        return {"error": error.msg}


def native(source):
    try:
        value = render_template(get_template(source, CONTEXT, native=True), CONTEXT)
        return {"type": type(value).__name__, "repr": repr(value)}
    except Exception as error:
        return {"error": str(getattr(error, "msg", None) or error)}


result = {
    "blocks": [{"source": s, **blocks(s)} for s in BLOCKS],
    "native": [{"source": s, **native(s)} for s in NATIVE],
    "configs": [{"source": s, "config": statically_parse_unrendered_config(s)} for s in CONFIGS],
}
with open(sys.argv[1], "w", encoding="utf-8") as handle:
    json.dump(result, handle, indent=1)
    handle.write("\n")
