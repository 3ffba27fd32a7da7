{{ config(**{'materialized': 'view', 'pre-hook': ["insert into " ~ target.schema ~ ".seen select 'pre list 1'", {"sql": "insert into " ~ target.schema ~ ".seen select 'pre list 2'", "transaction": false}]}) }}
select * from {{ ref('from_folder') }}
