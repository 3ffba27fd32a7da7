{{ config(materialized='table') }} select id, name from {{ ref('gone') }} where {{ this.is_table is not none }}
