{{ config(meta={'missing': no_such_name, 'list': [no_such_name, 1]}, custom=no_such_name) }}
select '{{ config.get("meta")["missing"] }}' as missing
