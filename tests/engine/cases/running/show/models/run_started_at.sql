select
    {{ run_started_at | string | length }} as text,
    {{ run_started_at.isoformat() | length }} as iso,
    {{ run_started_at.strftime('%f') | length }} as microseconds
