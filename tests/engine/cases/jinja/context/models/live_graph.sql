-- The graph shows each node as it is at that moment: what has run before this one is compiled, with the macros that it called while running.
-- depends_on: {{ ref('whitespace') }} {{ ref('zz_after') }}
{{ config(post_hook="{% if execute %}create table if not exists {{ this.schema }}.own_graph as select '{{ graph.nodes[model.unique_id].compiled }} {{ graph.nodes[model.unique_id].compiled_code | length > 100 }}' as seen{% endif %}") }}
{%- if execute %}
select '{{ graph.nodes['model.jinja.whitespace'].compiled }}' as before
     , '{{ graph.nodes['model.jinja.zz_after'].depends_on.macros | join(' ') }}' as macros
     , '{{ graph.nodes[model.unique_id].compiled }}' as own
     , '{{ graph['kept'] is defined }}{% do graph.update({'kept': 1}) %}{{ graph['kept'] }}' as kept
{%- endif %}
