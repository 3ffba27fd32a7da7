"""Writes src/context/modules/time-zone-data.ts from pytz: `python scripts/time-zones.py`, in a Python that has it."""

import datetime
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


def text(lines):
    return "".join(f"  {line!r},\n" if "'" not in line else f'  "{line}",\n' for line in lines)


zones = [f"{std} {dst or '-'}|{' '.join(members)}" for (std, dst), members in groups.items()]
countries = [
    f"{code}|{pytz.country_names[code]}|{' '.join(pytz.country_timezones.get(code, []))}"
    for code in sorted(pytz.country_names)
]
path = root / "src/context/modules/time-zone-data.ts"
path.write_text(
    "// Names of time zones, their abbreviations in winter and summer, and countries: written by "
    "scripts/time-zones.py from pytz "
    f"{pytz.__version__}. Data only.\n\n"
    "/** `STD DST|zones`: `#` is a name made of the offset, `-` none; `~` marks a zone outside common_timezones, `=` "
    "one without transitions. */\n"
    f"export const ZONES: readonly string[] = [\n{text(zones)}];\n\n"
    "/** `code|name|zones`. */\n"
    f"export const COUNTRIES: readonly string[] = [\n{text(countries)}];\n"
)
