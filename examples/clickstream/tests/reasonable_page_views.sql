{{ config(severity='warn', warn_if='> 0') }}
select * from {{ ref('user_sessions') }} where page_views > 10000
