{{ config(materialized=var('m', 'view'), unique_key='id') }}
select 1 as id, '{{ is_incremental() }}' as incremental, '{{ this.type if execute and load_relation(this) else "-" }}' as t
