{{ config(pre_hook="create table if not exists {{ this.schema }}.log (what String) engine = Memory", post_hook=["insert into {{ this.schema }}.log values ('{{ this.name }}')"]) }}
select 1 as one, {{ dbt.string_literal('x') }} as two, {{ dbt.concat(['one', "'-'", 'two']) }} as three
