{# What a hook reads from the classes of dbt: texts, absent keys, defaults, dicts. #}
{% macro show_results(results) %}{% if execute %}
{% for result in results | sort(attribute='node.unique_id') %}
  {% set node = result.node %}
  {% do print('## ' ~ node.unique_id ~ ' ' ~ result.status ~ ' ' ~ result.skipped ~ ' ' ~ result.unique_id) %}
  {% do print([node is mapping, result is mapping, node.config is mapping, node.docs is mapping]) %}
  {% do print(node.config | list) %}
  {% do print(node.config) %}
  {% for key in ['materialized', 'absent', 'schema', 'severity', 'docs', 'contract', 'pre_hook', 'post_hook',
    'pre-hook', 'extra_key', 'extra_null', 'meta', 'where', 'fail_calc', '_extra', 'delimiter', 'unique_key',
    'snapshot_meta_column_names', 'full_refresh'] %}
    {% set found = node.config[key] %}
    {% do print([key, found is none, found is defined, found ~ '', node.config.get(key, 'default') ~ '',
      key in node.config]) %}
  {% endfor %}
  {% do print([node.config.meta_get('m'), node.config.meta_get('x', 1), node.config.absent, node.config.absent is none]) %}
  {% for key in ['name', 'absent', 'docs', 'contract', 'depends_on', 'checksum', 'fqn', 'unrendered_config', 'tags',
    'resource_type', 'version', 'latest_version', 'primary_key', 'group', 'meta', 'alias', 'identifier', 'search_name',
    'is_ephemeral', 'is_refable', 'is_relational', 'is_versioned', 'empty', 'depends_on_nodes', 'get', 'items', 'batch',
    'constraints'] if not (key in ['contract', 'depends_on'] and node.resource_type in ['test', 'snapshot'])
    and not (key == 'depends_on_nodes' and node.resource_type == 'seed') %}
    {% do print([key, node[key] is defined, node[key] ~ '']) %}
  {% endfor %}
  {% do print([node.docs.show, node.docs.node_color, node.docs.absent is defined]) %}
  {% if node.resource_type != 'test' %}{% do print(node.config.docs.to_dict()) %}{% endif %}
  {% do print(node.config.to_dict()) %}
  {% do print(node.config.to_dict(omit_none=true)) %}
  {% do print(node.to_dict()['config']) %}
  {% do print(result.to_dict().keys() | list) %}
  {% for column in node.columns.values() %}
    {% do print([column.name, column.data_type, column.constraints, column.config.get('meta'), column.absent is defined]) %}
  {% endfor %}
  {% for key in ['failures', 'absent', 'unique_id', 'batch_results', 'overload_results'] %}
    {% do print([key, result[key] is defined, result[key]]) %}
  {% endfor %}
  {# Members of enums: texts in every use, with a name and a value. #}
  {% for member in [result.status, node.resource_type] %}
    {% do print([member, member.value, member.name, member is string, member is sequence, member | length]) %}
    {% do print([member == member.value, member in ['test', 'pass', 'success'], {'test': 1, 'pass': 2}.get(member),
      {member: 1}, member | upper, member.upper(), member[0], member ~ '!', member + '!', '!' + member, member * 2]) %}
    {% do print([member | tojson, tojson({'x': member}), '%s' % member, '{}'.format(member), ','.join([member]),
      member.absent is defined, member < 'zzz', 's' in member, member in 'tests pass', [member] | join('|')]) %}
  {% endfor %}
  {# The text of a result, numbers and addresses aside; that of its node has fields which only Python knows. #}
  {% set text = modules.re.sub(' at 0x[0-9a-f]+|[0-9][0-9.e+-]*', '', result | string) %}
  {% do print([text.split(', node=')[0], text.split(', agate_table=')[-1], ([result] | string) == '[' ~ result ~ ']']) %}
  {% for item in result.timing %}
    {% do print([item.name, item.started_at is string, item.started_at.tzinfo, item.started_at <= item.completed_at,
      item.to_dict()['started_at'] is string]) %}
  {% endfor %}
{% endfor %}
{% endif %}{% endmacro %}
