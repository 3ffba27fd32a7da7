{{ config(materialized='dictionary', fields=[('id', 'UInt64'), ('name', 'String')], primary_key='id', layout='HASHED()', lifetime='MIN 0 MAX 10', source_type='clickhouse', table='names', database='dev', schema='dev') }}
select 1
