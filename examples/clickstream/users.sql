-- The application's table.
create table public.users (
    user_id text primary key,
    username text not null,
    email text not null,
    account_type text not null check (account_type in ('free', 'pro', 'enterprise')),
    signup_date date not null,
    country text,
    updated_at timestamptz not null default now()
);
create index on public.users (updated_at);
create function public.touch() returns trigger language plpgsql as
    'begin new.updated_at = clock_timestamp(); return new; end';
create trigger touch before update on public.users for each row execute function public.touch();
