"""Renders expressions.txt with real dbt-core 1.12 and writes golden.json: run it with a Python that has dbt-core.

    python tests/engine/unit/context/golden/golden.py
"""
import json
import os
import pathlib
import re

os.environ["GOLDEN_ONE"] = "one"
os.environ["DBT_ENV_SECRET_X"] = "secret"
os.environ["TZ"] = "UTC"
os.environ.pop("GOLDEN_NONE", None)

from argparse import Namespace  # noqa: E402

from dbt.clients.jinja import get_rendered  # noqa: E402
from dbt.context.base import generate_base_context  # noqa: E402
from dbt.flags import set_from_args  # noqa: E402
from dbt_common.context import set_invocation_context  # noqa: E402

set_from_args(Namespace(), {})
set_invocation_context(os.environ)
here = pathlib.Path(__file__).parent
out = []
for line in (here / "expressions.txt").read_text().splitlines():
    if not line or line.startswith("#"):
        continue
    try:
        result = {"text": get_rendered(line, generate_base_context({"one": 1, "two": {"x": [1]}}))}
    except Exception as error:  # what dbt does with it is not asked here
        message = str(getattr(error, "msg", None) or error)
        result = {"error": message, "type": type(error).__name__}
    # Addresses of objects are not facts.
    out.append({"template": line, **{k: re.sub(r" at 0x[0-9a-f]+", "", v) for k, v in result.items()}})
(here / "golden.json").write_text(json.dumps(out, indent=1, ensure_ascii=False) + "\n")
