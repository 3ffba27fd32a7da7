{% macro fields() -%}
  {%- for key, value in model.items() if key in ['database', 'schema', 'name', 'resource_type', 'path', 'original_file_path', 'fqn', 'checksum', 'config',
      'tags', 'meta'] -%}
    {{ print(key ~ '=' ~ value) if execute }}
  {%- endfor -%}
{%- endmacro %}
