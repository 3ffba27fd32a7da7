-- Who may read what, for a ClickHouse server (an embedded one has a single user):
--   clickhouse client --multiquery < grants.sql
create role if not exists analyst;
grant select on raw.* to analyst;
grant select on staging.* to analyst;
grant select on analytics.* to analyst;
grant select on marts.* to analyst;
-- The e-mail addresses and phone numbers themselves.
create role if not exists support;
grant select on restricted.* to support;
