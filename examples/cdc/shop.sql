-- The application's tables, as they are in its Postgres.
create schema app;
create table app.users (
    user_id text primary key,
    email text not null,
    phone text,
    country text not null,
    plan text not null,
    created_at timestamptz not null default now()
);
create table app.events (
    event_id uuid primary key default gen_random_uuid(),
    user_id text not null,
    event_name text not null,
    occurred_at timestamptz not null default now(),
    properties jsonb
);
-- An update then holds long values that it leaves alone, too: they are not in the log else.
alter table app.events replica identity full;
create table app.orders (
    order_id bigint primary key,
    user_id text not null,
    status text not null,
    amount numeric(12, 2) not null,
    ordered_at timestamptz not null default now()
);
