{#- The end of a Python model's script: the object `dbt` that its function `model(dbt, session)` gets. It cannot query
    the engine while it runs, so every answer is written into the script. -#}

{#- A relation's name inside a Python string. -#}
{% macro resolve_model_name(input_model_name) %}{{
  return(adapter.dispatch('resolve_model_name', 'dbt')(input_model_name))
}}{% endmacro %}

{% macro default__resolve_model_name(input_model_name) -%} {{ input_model_name | string | replace('"', '\"') }}
{%- endmacro %}

{#- An overridden `ref` may return a text; a relation is rendered without --empty and --sample. -#}
{% macro build_ref_function(model) %}
    {%- set names = {} -%}
    {%- for reference in model.refs -%}
        {%- set version = reference.get('version') -%}
        {%- set args = [reference.get('package'), reference['name']] if reference.get('package')
            else [reference['name']] -%}
        {%- set relation = ref(*args, v=version) -%}
        {%- set relation = relation.render() if relation.render is defined and relation.render is callable
            else relation -%}
        {%- do names.update({(args + ['v' ~ version] if version else args) | join('.'): resolve_model_name(
            relation)}) -%}
    {%- endfor %}

def ref(*args, **kwargs):
    names = {{ names | tojson }}
    version = kwargs.get("v") or kwargs.get("version")
    key = ".".join(args + (f"v{version}",) if version else args)
    load = kwargs.get("dbt_load_df_function")
    return load(names[key])

{% endmacro %}

{% macro build_source_function(model) %}
    {%- set names = {} -%}
    {%- for pair in model.sources -%}
        {%- do names.update({pair | join('.'): resolve_model_name(source(*pair))}) -%}
    {%- endfor %}

def source(*args, dbt_load_df_function):
    names = {{ names | tojson }}
    return dbt_load_df_function(names[".".join(args)])

{% endmacro %}

{#- Only the keys that the model reads, with its own defaults. -#}
{% macro build_config_dict(model) %}
    {%- set values, meta, config = {}, {}, model.config -%}
    {%- for key, default in zip(config.config_keys_used, config.config_keys_defaults) -%}
        {%- do values.update({key: config.get(key, default)}) -%}
    {%- endfor -%}
    {%- for key, default in zip(config.meta_keys_used or [], config.meta_keys_defaults or []) -%}
        {%- do meta.update({key: config.meta[key] if config.meta and key in config.meta else default}) -%}
    {%- endfor %}
config_dict = {{ values }}
meta_dict = {{ meta }}
{% endmacro %}

{% macro py_script_postfix(model) %}
# The model's own code ends here. What follows gives it ref, source, config and this; it is written anew by each run.
# COMMAND ----------

{{ build_ref_function(model) }}
{{ build_source_function(model) }}
{{ build_config_dict(model) }}

class config:
    def __init__(self, *args, **kwargs):
        pass

    @staticmethod
    def get(key, default=None):
        return config_dict.get(key, default)

    @staticmethod
    def meta_get(key, default=None):
        return meta_dict.get(key, default)

class this:
    """dbt.this or dbt.this.identifier"""
    database = "{{ this.database }}"
    schema = "{{ this.schema }}"
    identifier = "{{ this.identifier }}"

    def __repr__(self):
        return '{{ resolve_model_name(this) }}'


class dbtObj:
    def __init__(self, load_df_function) -> None:
        self.source = lambda *args: source(*args, dbt_load_df_function=load_df_function)
        self.ref = lambda *args, **kwargs: ref(*args, **kwargs, dbt_load_df_function=load_df_function)
        self.config = config
        self.this = this()
        self.is_incremental = {{ is_incremental() }}

# COMMAND ----------
{{ py_script_comment() }}
{% endmacro %}

{#- A dialect or a project defines here how the script is run. -#}
{% macro py_script_comment() %}{% endmacro %}
