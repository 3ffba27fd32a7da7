{#- Hooks of a node: those in its transaction, and those before it begins or after it has ended. -#}

{#- Hooks outside must not be part of a transaction that is still open, so that one is ended first. -#}
{% macro run_hooks(hooks, inside_transaction=True) %}
  {%- if hooks == [] -%}{{ return('') }}{%- endif -%}
  {%- for hook in hooks | selectattr('transaction', 'equalto', inside_transaction) -%}
    {%- if not inside_transaction and loop.first -%}
      {%- call statement(auto_begin=inside_transaction) %}
        commit;
      {% endcall -%}
    {%- endif -%}
    {%- set sql = render(hook.get('sql')) | trim -%}
    {#- a `statement` block in it has begun a transaction, with which its rows and those of later hooks would go -#}
    {%- if not inside_transaction -%}{%- do adapter.commit_if_open() -%}{%- endif -%}
    {%- if sql -%}
      {%- call statement(auto_begin=inside_transaction) %}
        {{ sql }}
      {% endcall -%}
    {%- endif -%}
  {%- endfor -%}
{% endmacro %}

{% macro make_hook_config(sql, inside_transaction) %}
    {{ tojson({'sql': sql, 'transaction': inside_transaction}) }}
{% endmacro %}

{% macro before_begin(sql) %}
    {{ make_hook_config(sql, inside_transaction=False) }}
{% endmacro %}

{% macro in_transaction(sql) %}
    {{ make_hook_config(sql, inside_transaction=True) }}
{% endmacro %}

{% macro after_commit(sql) %}
    {{ make_hook_config(sql, inside_transaction=False) }}
{% endmacro %}
