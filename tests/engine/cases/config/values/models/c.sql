{{ config(quoting={'schema': false}) }}
-- {{ source('src','t2').quote_policy }} {{ ref('a').quote_policy }} {{ this.quote_policy }} {{ this }} {{ ref('c2') }}
select 1 as x
