{{ config(indexes=[{'columns': ['n'], 'unique': True}, {'columns': ['rest', 'n']}, {'columns': ['rest'], 'type': 'hash'}]) }}
select n, rest from {{ ref('numbers') }}
