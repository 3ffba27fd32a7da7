{{ config(materialized='table', order_by='id', contract={'enforced': true}) }} select id, name from {{ ref('people') }}
