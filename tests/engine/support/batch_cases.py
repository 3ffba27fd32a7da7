"""Prints what dbt's MicrobatchBuilder gives: python batch_cases.py > tests/engine/unit/state/golden/batches.json.

Runs in a Python that has dbt-core 1.12.
"""

import json
import sys
from datetime import datetime
from types import SimpleNamespace

import pytz
from dbt.artifacts.resources.types import BatchSize
from dbt.contracts.graph.nodes import NodeConfig
from dbt.materializations.incremental.microbatch import MicrobatchBuilder as Builder

MOMENTS = [
    "2024-09-17T16:06:00",
    "2024-09-17T00:00:00",
    "2024-02-29T23:59:59",
    "2023-12-31T23:00:00",
    "2024-01-01T00:00:00",
    "1969-12-31T12:30:00",
    "2000-01-31T05:00:00",
]
utc = lambda text: datetime.fromisoformat(text).replace(tzinfo=pytz.UTC)
iso = lambda moment: moment.isoformat()

single = []
for size in BatchSize:
    for text in MOMENTS:
        moment = utc(text)
        single.append(
            {
                "size": size.value,
                "moment": text,
                "truncate": iso(Builder.truncate_timestamp(moment, size)),
                "ceiling": iso(Builder.ceiling_timestamp(moment, size)),
                "offsets": {str(n): iso(Builder.offset_timestamp(moment, size, n)) for n in (-14, -1, 0, 1, 13)},
                "name": Builder.format_batch_start(Builder.truncate_timestamp(moment, size), size),
                "id": Builder.batch_id(Builder.truncate_timestamp(moment, size), size),
            }
        )

runs = []
for size, begin, now in [
    ("hour", "2024-09-17T10:20:00", "2024-09-17T16:06:00"),
    ("day", "2024-09-10", "2024-09-17T00:00:00"),
    ("day", "2024-09-10", "2024-09-17T08:00:00"),
    ("month", "2023-11-20", "2024-02-29T23:59:59"),
    ("year", "2019-05-05", "2024-01-01T00:00:00"),
]:
    for lookback in (0, 1, 3):
        for incremental in (False, True):
            for given in (None, ["2023-12-30T05:00:00", "2024-01-02T07:00:00"]):
                if given and size == "hour":
                    given = ["2024-09-17T05:30:00", "2024-09-17T07:30:00"]
                config = NodeConfig(
                    materialized="incremental",
                    incremental_strategy="microbatch",
                    batch_size=BatchSize(size),
                    begin=datetime.fromisoformat(begin),
                    lookback=lookback,
                )
                builder = Builder(
                    model=SimpleNamespace(config=config, name="m"),
                    is_incremental=incremental,
                    event_time_start=utc(given[0]) if given else None,
                    event_time_end=utc(given[1]) if given else None,
                    default_end_time=utc(now),
                )
                end = builder.build_end_time()
                start = builder.build_start_time(end)
                runs.append(
                    {
                        "size": size,
                        "begin": begin,
                        "now": now,
                        "lookback": lookback,
                        "incremental": incremental,
                        "given": given,
                        "batches": [[iso(a), iso(b)] for a, b in builder.build_batches(start, end)],
                    }
                )

json.dump({"single": single, "runs": runs}, sys.stdout, separators=(",", ":"))
