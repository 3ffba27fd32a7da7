{% call statement('s', fetch_result=True) %}select 1 as x{% endcall %}
select '{{ load_result('s') }}' as r
