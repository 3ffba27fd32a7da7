# Renders a list of templates with real jinja2 (3.1, sandboxed as dbt uses it, extensions do and loopcontrols) and
# writes what came out: the goldens of tests/engine/unit/jinja. Usage: python jinja_cases.py OUTPUT.json
# A case is a template, or a tuple of template and what differs from the common context and options; with dbt, as
# dbt renders (needs dbt-core; undefined is capture while it parses), and with native, as it renders the texts of YAML
# files, the repr of the value.
import copy
import json
import sys
from decimal import Decimal

from jinja2 import DictLoader
from jinja2.runtime import ChainableUndefined, StrictUndefined, Undefined
from jinja2.sandbox import SandboxedEnvironment

sys.path.insert(0, __file__.rsplit("/", 1)[0])
from jinja_case_lists import AREAS, CONTEXT  # noqa: E402

UNDEFINED = {"default": Undefined, "strict": StrictUndefined, "chainable": ChainableUndefined}


def encode(value):
    """JSON with tags for what JSON does not have."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**53 else {"$int": str(value)}
    if isinstance(value, float):
        return {"$float": repr(value)}
    if isinstance(value, Decimal):
        return {"$decimal": str(value)}
    if isinstance(value, tuple):
        return {"$tuple": [encode(x) for x in value]}
    if isinstance(value, list):
        return [encode(x) for x in value]
    if isinstance(value, set):
        return {"$set": [encode(x) for x in sorted(value)]}
    if isinstance(value, dict):
        if all(isinstance(key, str) and not key.startswith("$") for key in value):
            return {key: encode(x) for key, x in value.items()}
        return {"$dict": [[encode(key), encode(x)] for key, x in value.items()]}
    raise TypeError(type(value))


def template_line(error):
    line = getattr(error, "lineno", None)
    if isinstance(line, int):
        return line
    tb, found = error.__traceback__, None
    while tb is not None:
        if tb.tb_frame.f_code.co_filename == "<template>":
            found = tb.tb_lineno
        tb = tb.tb_next
    return found


def run(case):
    source, extra = case if isinstance(case, tuple) else (case, {})
    options = {key: extra[key] for key in ("trim_blocks", "lstrip_blocks", "keep_trailing_newline") if key in extra}
    native = extra.get("native", False)
    if native or "dbt" in extra:
        from dbt_common.clients.jinja import get_environment

        environment = get_environment(native=native, capture_macros=extra.get("undefined") == "capture")
    else:
        environment = SandboxedEnvironment(
            extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"],
            loader=DictLoader(extra.get("templates", {})),
            undefined=UNDEFINED[extra.get("undefined", "default")],
            **options,
        )
    record = {"source": source}
    if extra:
        record["extra"] = {key: encode(value) for key, value in extra.items()}
    try:
        out = environment.from_string(source).render(copy.deepcopy({**CONTEXT, **extra.get("context", {})}))
        record["out"] = repr(out) if native else out
    except Exception as error:
        record["error"] = {
            "type": type(error).__name__,
            "message": str(getattr(error, "message", None) or getattr(error, "msg", None) or error),
            "line": template_line(error),
        }
    # Addresses differ from run to run, and lines of generated Python say nothing.
    dropped = " at 0x" in record.get("out", "") or record.get("error", {}).get("type") == "SyntaxError"
    return None if dropped else record


def main(output):
    result = {
        "context": {key: encode(value) for key, value in CONTEXT.items()},
        "areas": {area: [r for r in map(run, cases) if r is not None] for area, cases in AREAS.items()},
    }
    with open(output, "w", encoding="utf-8") as handle:
        json.dump(result, handle, ensure_ascii=True, indent=1)
        handle.write("\n")
    print(sum(len(cases) for cases in result["areas"].values()), "cases")


if __name__ == "__main__":
    main(sys.argv[1])
