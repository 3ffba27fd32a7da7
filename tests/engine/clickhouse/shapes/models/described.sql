{{ config(persist_docs={'relation': true, 'columns': true}) }}
select id, k{% if var('step') == 3 %}, 1 as added{% endif %} from {{ ref('source_rows') }}
