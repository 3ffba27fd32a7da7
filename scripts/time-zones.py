"""Writes src/context/modules/time-zones.json from the running Python's pytz: `python scripts/time-zones.py`."""

import datetime
import json
import pathlib
import pytz

root = pathlib.Path(__file__).resolve().parent.parent
common = set(pytz.common_timezones)
groups: dict[tuple[str, str], list[str]] = {}
for name in pytz.all_timezones:
    zone = pytz.timezone(name)
    names = ["", ""]
    for month in range(1, 13):
        moment = pytz.utc.localize(datetime.datetime(2024, month, 15)).astimezone(zone)
        shown = moment.tzname()
        # A name that is only digits follows from the offset.
        names[1 if moment.dst() else 0] = "#" if shown[:1] in "+-" else shown
    mark = ("" if name in common else "~") + (
        "=" if isinstance(zone, pytz.tzinfo.StaticTzInfo) or name == "UTC" or zone is pytz.utc else ""
    )
    groups.setdefault((names[0], names[1]), []).append(mark + name)


def rows(entries):
    return ",\n".join(f"    {json.dumps(entry, ensure_ascii=False)}" for entry in entries)


# `#` is an abbreviation made of the offset, `-` none; `~` marks a zone outside common_timezones, `=` one without
# transitions.
zones = [
    {"winter": std, "summer": dst or "-", "names": " ".join(members)} for (std, dst), members in groups.items()
]
countries = [
    {"code": code, "name": pytz.country_names[code], "zones": " ".join(pytz.country_timezones.get(code, []))}
    for code in sorted(pytz.country_names)
]
path = root / "src/context/modules/time-zones.json"
path.write_text(f'{{\n  "zones": [\n{rows(zones)}\n  ],\n  "countries": [\n{rows(countries)}\n  ]\n}}\n')
