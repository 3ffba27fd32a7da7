{{ config(severity='error', error_if='> 0') }}
select * from {{ ref('user_sessions') }} where user_id is null
