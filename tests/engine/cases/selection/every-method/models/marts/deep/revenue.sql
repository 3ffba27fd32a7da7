{{ config(materialized='incremental', unique_key=['id', 'day'], tags='daily', severity='x') }}
select * from {{ ref('orders') }} join {{ ref('customers') }} using (id)
