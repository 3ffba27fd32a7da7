{{ log("older " ~ env_var('DBT_SHOW_RESOURCE_REPORT', 'unset') ~ ", newer "
  ~ env_var('DBT_ENGINE_SHOW_RESOURCE_REPORT', 'unset'), info=execute) }}
select 1 as id, '{{ var("shade", "none") }}' as shade
