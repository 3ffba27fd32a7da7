create schema shop;
create type shop.mood as enum ('new','paid','void');
create table shop.orders (
 id bigint primary key, customer uuid not null, status shop.mood not null, total numeric(12,2), created_at
 timestamptz not null, due date, local_ts timestamp,
 lines jsonb, tags text[], note text);
create table shop.no_pk (a int, b text);
create table shop.wide (id int primary key, big text, n int);
alter table shop.wide alter column big set storage external;
insert into shop.orders select i, ('00000000-0000-0000-0000-' || lpad(i::text,12,'0'))::uuid, 'new', i*10.25,
 timestamptz '2026-03-01 10:00:00.123456+02' + i*interval '1 hour', date '2026-04-01' + i, timestamp
 '2026-03-01 10:00:00.5', jsonb_build_object('sku','A'||i,'qty',i), array['t'||i,'x,y'], case when i%2=0 then
 null else 'note '||i end from generate_series(1,5) i;
