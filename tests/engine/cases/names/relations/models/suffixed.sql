{{ config(tags=['suffixed'], materialized='table') }}
select '{{ this }}' as this, '{{ this.schema }}' as s, '{{ this.include(database=false) }}' as i, '{{ this.identifier }}' as id, '{{ this.quote(identifier=false) }}' as q
