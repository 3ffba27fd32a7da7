{{ config(materialized='view', contract={'enforced': true}) }} select id, name from {{ ref('people') }}
