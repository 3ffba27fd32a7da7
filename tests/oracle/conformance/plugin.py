"""pytest plugin: dbt's own tests (published adapter tests, functional tests), with another program in dbt's place.

Fixtures and database checks are dbt's own. What changes is `dbtRunner.invoke`: it starts the command line of
CONFORMANCE_CLI and answers with what that leaves: exit code, output, artifacts, log. Leaves servers, environments and
the table to ../conformance.mjs and ../functional.mjs.
"""

import base64
import importlib
import json
import os
import re
import shlex
import subprocess
import sys
from contextlib import suppress
from itertools import zip_longest
from pathlib import Path
from types import ModuleType, SimpleNamespace

import agate
import dbt
import freezegun
import pytest
from dbt.artifacts.schemas.catalog import CatalogArtifact
from dbt.artifacts.schemas.manifest import WritableManifest
from dbt.artifacts.schemas.results import FreshnessStatus, RunStatus, TestStatus
from dbt.cli.exceptions import DbtUsageException
from dbt.cli.main import dbtRunner, dbtRunnerResult
from dbt.contracts.graph.manifest import Manifest
from dbt.tests import util
from dbt_common.behavior_flags import BehaviorFlagRendered
from dbt_common.dataclass_schema import ValidationError
from dbt_common.events.functions import get_capture_stream

PACKAGES = re.compile(r"^(dbt\.tests\.adapter|tests\.functional)\.")
CLI = shlex.split(os.environ["CONFORMANCE_CLI"])
PORT = int(os.environ["POSTGRES_TEST_PORT"])
WANTED = os.environ.get("CONFORMANCE_IDS")
# Read here, since there are tests that empty the environment.
REPORT = None if "PYTEST_XDIST_WORKER" in os.environ else os.environ["CONFORMANCE_REPORT"]
SECONDS = 120
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
CLOCK = re.compile(r"^\d\d:\d\d:\d\d(\.\d+)? +")

COMMANDS = {
    "build",
    "clone",
    "compile",
    "debug",
    "deps",
    "docs",
    "list",
    "ls",
    "parse",
    "retry",
    "run",
    "run-operation",
    "seed",
    "show",
    "snapshot",
    "source",
    "test",
}
# Artifacts that a command writes when it has run, even if some of its nodes failed.
ARTIFACT = {"docs": "catalog.json", "source": "sources.json", "parse": "manifest.json"} | dict.fromkeys(
    ["build", "clone", "compile", "retry", "run", "run-operation", "seed", "show", "snapshot", "test"],
    "run_results.json",
)
NOTHING_DONE = re.compile("nothing to do|no nodes selected|nothing to retry", re.I)
# Outputs that never count as the failure which a test expects.
CRASH = re.compile(
    # Postgres says of a name in three parts that it is "not implemented".
    r"^\s+at .+:\d+:\d+\)?$|^Traceback |(?<!references are )not (yet )?(implemented|supported in this version)"
    r"|not part of this version|unknown command",
    re.I | re.M,
)

EXCEPTIONS = {
    "Compilation Error": "dbt_common.exceptions.CompilationError",
    "Database Error": "dbt_common.exceptions.DbtDatabaseError",
    "Parsing Error": "dbt.exceptions.ParsingError",
    "Validation Error": "dbt_common.dataclass_schema.ValidationError",
    "Usage Error": "dbt.cli.exceptions.DbtUsageException",
    "Runtime Error": "dbt_common.exceptions.DbtRuntimeError",
}

# One test names dbt as it lies in its repository.
sys.modules["core"] = core = ModuleType("core")
core.__path__ = [str(Path(next(iter(dbt.__path__))).parent)]

# What some tests import from beside them by its name alone.
BESIDE = {"fixtures": "unit_testing.fixtures", "test_profile_dir": "profiles.test_profile_dir"}

# A clock that a test has frozen, for programs that run on Node.
FROZEN = """const Real = Date, late = %d - Real.now();
globalThis.Date = class extends Real {
  constructor(...given) { given.length ? super(...given) : super(Real.now() + late); }
  static now() { return Real.now() + late; }
};
Object.defineProperty(performance, "timeOrigin", { value: performance.timeOrigin + late });"""


class Message(SimpleNamespace):
    """An event of the log. A part that it lacks is an empty one, as in protobuf, which dbt's events are made of."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Message()


@pytest.fixture(scope="class")
def dbt_profile_data(dbt_profile_data):
    """Some tests have a profile of their own, with Postgres's usual port."""
    for output in dbt_profile_data["test"]["outputs"].values():
        output.update(host="127.0.0.1", port=PORT)
    return dbt_profile_data


# ---- which tests
# -----------------------------------------------------------------------------------------------------------------


def test_id(item):
    return f"{PACKAGES.sub('', item.module.__name__)}::{item.nodeid.split('::', 1)[1]}"


def pytest_configure():
    for name, module in BESIDE.items():
        with suppress(ModuleNotFoundError):
            sys.modules[name] = importlib.import_module(f"tests.functional.{module}")


def pytest_collection_modifyitems(config, items):
    """Keeps listed tests, each only in the module that defines it (modules import classes)."""
    wanted = set(Path(WANTED).read_text().split("\n")) if WANTED else None
    items[:] = [
        i
        for i in items
        if (i.cls or i.function).__module__ == i.module.__name__ and (wanted is None or test_id(i) in wanted)
    ]
    for item in items:
        item.user_properties.append(("id", test_id(item)))


def pytest_runtest_logreport(report):
    """Every phase of a test as a line; written by the process that gathers the workers' reports."""
    if REPORT is not None:
        line = {
            "id": dict(report.user_properties)["id"],
            "when": report.when,
            "outcome": report.outcome,
            "text": report.longreprtext,
        }
        with open(REPORT, "a") as file:
            file.write(json.dumps(line) + "\n")


# ---- one command
# -----------------------------------------------------------------------------------------------------------------


def option(args, *names):
    return next((args[i + 1] for i in range(len(args) - 1) if args[i] in names), None)


def frozen_clock():
    freezegun = sys.modules.get("freezegun.api")
    factories = freezegun.freeze_factories if freezegun else []
    return factories[-1]().timestamp() if factories else None


def start(args):
    """(exit code, stdout, stderr)"""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("CONFORMANCE_", "PYTEST_")) and k != "PYTHONPATH"}
    clock = frozen_clock()
    if clock is not None:
        env["FROZEN_CLOCK"] = str(clock)
        env["NODE_OPTIONS"] = (
            "--import=data:text/javascript;base64," + base64.b64encode((FROZEN % (clock * 1000)).encode()).decode()
        )
    try:
        done = subprocess.run(
            CLI + args,
            env=env,
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        pytest.fail(f"no end after {SECONDS} s: {args}", pytrace=False)
    return done.returncode, done.stdout, done.stderr


def inode(path):
    """Artifacts are replaced, or at least written again."""
    return (path.stat().st_ino, path.stat().st_mtime_ns) if path.exists() else None


def invoke(self, args, **options):
    for name, value in options.items():
        args = [*args, "--" + ("" if value else "no-") + name.replace("_", "-")] + (
            [] if isinstance(value, bool) else [str(value)]
        )
    args = [str(a) for a in args]
    command = next((a for a in args if a in COMMANDS), "")
    folder = Path(option(args, "--project-dir") or ".")
    target = folder / (option(args, "--target-path") or os.environ.get("DBT_TARGET_PATH") or "target")
    artifact = target / ARTIFACT.get(command, "none")
    if command == "source" and option(args, "--output", "-o"):
        artifact = folder / option(args, "--output", "-o")
    log = Path(option(args, "--log-path") or os.environ.get("DBT_LOG_PATH") or "logs") / "dbt.log"
    logged = log.stat().st_size if log.exists() else 0
    capture = get_capture_stream()
    if command in ("ls", "list") and capture is None and not {"--quiet", "-q"} & {*args}:
        args.append("--quiet")
    if self.callbacks:
        args += ["--log-format-file", "json", "--log-level-file", "debug"]
    before = inode(artifact)
    code, out, err = start(args)
    text = COLOUR.sub("", out + err)
    print(out, err)
    if capture is not None:
        capture.write(out + err)

    if code < 0 or code > 2 or (code != 0 and CRASH.search(text)):
        pytest.fail(f"crash, or a part that is missing (exit {code}): {args}\n{text[-1500:]}", pytrace=False)
    written = inode(artifact) not in (None, before)
    # A statement that is shown as it stands is no node.
    expected = command in ARTIFACT and "--inline-direct" not in args
    if code == 0 and expected and not written and not NOTHING_DONE.search(text):
        pytest.fail(f"exit 0 without a new {artifact.name}: {args}\n{text[-1500:]}", pytrace=False)
    if self.callbacks and log.exists():
        for line in log.read_bytes()[logged:].decode(errors="replace").splitlines():
            if line.startswith("{"):
                event = json.loads(line, object_hook=lambda fields: Message(**fields))
                for callback in self.callbacks:
                    callback(event)
    if code == 2 or (code == 1 and not written and command != "debug"):
        return dbtRunnerResult(success=False, exception=failure(text))
    return dbtRunnerResult(success=code == 0, result=answer(command, code, text, target, artifact if written else None))


def leaves(cls):
    """What inherits from an exception and says the same in its first line: tests expect one of these."""
    kinds = {name for other in EXCEPTIONS.values() for name in [other.rsplit(".", 1)[1]]} - {cls.__name__}
    below = [c for c in cls.__subclasses__() if c.__name__ not in kinds and c.__module__ not in (__name__, "plugin")]
    return [leaf for c in below for leaf in leaves(c) or [c]]


def failure(text):
    """The program's error, as the exception that dbt's Python interface raises."""
    body = text.split("Encountered an error:")[-1].strip()
    shown = "\n".join(CLOCK.sub("", line) for line in body.splitlines()).strip()
    if re.search(r"^(Usage: |Error: )", text, re.M):
        shown = "Usage Error\n" + shown
    label = next((label for label in EXCEPTIONS if shown.startswith(label)), "Runtime Error")
    module, name = EXCEPTIONS[label].rsplit(".", 1)
    base = getattr(importlib.import_module(module), name)
    if issubclass(base, DbtUsageException):
        return base(shown)
    # Of a value that fits no schema dbt prints the message alone.
    of_schema = (ValidationError,) if label in ("Parsing Error", "Validation Error") else ()
    cls = type(
        name,
        (*(leaves(base) or [base]), *(e for e in of_schema if e is not base)),
        {
            "__init__": lambda self: Exception.__init__(self, shown),
            "__str__": lambda self: shown,
            "__repr__": lambda self: shown,
            "message": shown,
            "msg": shown,
        },
    )
    return cls()


# ---- what a command answers
# ------------------------------------------------------------------------------------------------------


def manifest_of(project_root, target="target"):
    """manifest.json, which has to be valid by dbt's own schema classes."""
    path = os.path.join(str(project_root), target, "manifest.json")
    return (
        Manifest.from_writable_manifest(WritableManifest.read_and_check_versions(path))
        if os.path.exists(path)
        else None
    )


def answer(command, code, text, target, artifact):
    if command in ("ls", "list"):
        return [line for line in text.splitlines() if line.strip() and not CLOCK.match(line)]
    if command == "debug":
        return code == 0
    if command == "docs":
        return CatalogArtifact.from_dict(json.loads((target / "catalog.json").read_text()))
    if command == "parse":
        return manifest_of(target.parent, target.name)
    if command == "source":
        rows = json.loads(artifact.read_text())["results"] if artifact else []
        return Results([freshness(row, manifest_of(target.parent, target.name)) for row in rows], {})
    if ARTIFACT.get(command) != "run_results.json":
        return None
    data = json.loads(artifact.read_text()) if artifact else {"results": [], "args": {}}
    manifest = manifest_of(target.parent, target.name) if artifact else None
    tables = shown(text) if command == "show" else []
    rows = [result(row, manifest, table) for row, table in zip_longest(data["results"], tables[: len(data["results"])])]
    return Results(rows, data["args"])


class Results:
    """A list of results that also has them in `.results`, like dbt's."""

    def __init__(self, results, args):
        self.results, self.args = results, args

    def __len__(self):
        return len(self.results)

    def __iter__(self):
        return iter(self.results)

    def __getitem__(self, index):
        return self.results[index]


def result(row, manifest, shown_table):
    unique_id = row["unique_id"]
    kind = unique_id.split(".")[0]
    # A test that was only compiled has a run's status, as in dbt.
    of_test = kind in ("test", "unit_test") and row["status"] in {status.value for status in TestStatus}
    status = (TestStatus if of_test else RunStatus)(row["status"])
    tables = ("nodes", "unit_tests", "functions", "exposures", "saved_queries")
    known = (getattr(manifest, name, {}).get(unique_id) for name in tables)
    node = next(filter(None, known), None) or SimpleNamespace(unique_id=unique_id, name=unique_id.split(".")[-1])
    if row.get("compiled_code") and not getattr(node, "compiled_code", None):
        node.compiled_code = row["compiled_code"]
    own = {
        "status": status,
        "skipped": status == RunStatus.Skipped,
        "timing": [SimpleNamespace(**times) for times in row["timing"]],
        "node": node,
        "agate_table": shown_table,
    }
    return SimpleNamespace(**{**row, **own})


def freshness(row, manifest):
    node = manifest.sources[row["unique_id"]]
    return SimpleNamespace(**{**row, "status": FreshnessStatus(row["status"]), "node": node})


def shown(text):
    """The tables that `show` prints between bars, one a node."""
    tables, rows = [], []
    for line in [*text.splitlines(), ""]:
        if line.startswith("| "):
            if not set(line) <= set("| -"):
                rows.append([cell.strip() for cell in line.strip("| ").split("|")])
        elif rows:
            tables.append(agate.Table(rows[1:], column_names=rows[0]))
            rows = []
    return tables


dbtRunner.invoke = invoke
# It replaces a function of dbt's process: the program in dbt's place gets a clock that stands there.
util.patch_microbatch_end_time = freezegun.freeze_time
# Each adapter asks the whole stack for its caller, in every module that is loaded: most of the time of a long run.
BehaviorFlagRendered._default_source = lambda self: __name__
util.get_manifest = manifest_of
