{%- set dt = modules.datetime.datetime(2026, 2, 28, 23, 59, 58) -%}
{%- set day = modules.datetime.timedelta(days=1, seconds=3) -%}
{%- set utc = modules.pytz.utc -%}
-- {{ dt }} {{ dt + day }} {{ (dt + day).isoformat() }} {{ dt.strftime('%Y-%m-%d %H:%M:%S %j %a %b') }} {{ day.total_seconds() }} {{ day }}
-- {{ modules.datetime.datetime.strptime('2026-01-05', '%Y-%m-%d').date() }} {{ modules.datetime.date(2026, 1, 31) }} {{ dt.replace(tzinfo=utc).isoformat() }}
-- {{ modules.pytz.timezone('Europe/Berlin').localize(dt).astimezone(utc) }} {{ dt.weekday() }} {{ dt.isoweekday() }}
-- {{ modules.re.sub('[aeiou]', '_', 'pipeline') }} {{ modules.re.findall('\\d+', 'a1b22c333') }} {{ modules.re.match('(a)(b)?', 'ac').groups() }} {{ modules.re.split(',\\s*', 'a, b,c') }}
-- {% for a, b in modules.itertools.product([1, 2], ['x', 'y']) %}{{ a }}{{ b }} {% endfor %} {{ modules.itertools.chain([1], [2, 3]) | list }} {{ modules.itertools.accumulate([1, 2, 3]) | list }}
select 1 as one
