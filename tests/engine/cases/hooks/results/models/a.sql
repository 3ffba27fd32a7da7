{{ config(meta={'m': 1}, tags=['t'], extra_key={'x': [1]}, extra_null=none, pre_hook='select 1', docs={'node_color': 'red'}, on_error='continue') }}
select 1 as a
