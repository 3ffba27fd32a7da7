{#- Hooks of a node. There are no transactions, so hooks inside and outside of one differ only in when they run. -#}
{% macro run_hooks(hooks, inside_transaction=True) %}
  {%- for hook in hooks | selectattr('transaction', 'equalto', inside_transaction) -%}
    {%- set sql = render(hook.get('sql')) | trim -%}
    {%- if sql -%}
      {%- call statement(auto_begin=False) %}
        {{ sql }}
      {% endcall -%}
    {%- endif -%}
  {%- endfor -%}
{% endmacro %}
