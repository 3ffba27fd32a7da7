# read_lineage.py PROJECT EVENTS: reads the OpenLineage events in the file EVENTS by openlineage-python's classes, makes
# the events of openlineage-dbt from the project's artifacts, and prints both as JSON: jobs with their datasets, and the
# fields of all facets' classes. openlineage_sql, which only finds columns in SQL, is replaced by nothing.
import importlib
import json
import pkgutil
import sys
import types

import attr

sql = types.ModuleType("openlineage_sql")
sql.parse = lambda *_args, **_kwargs: None
sys.modules["openlineage_sql"] = sql

from openlineage.client import event_v2, generated  # noqa: E402
from openlineage.common.provider.dbt import DbtLocalArtifactProcessor  # noqa: E402

project, file = sys.argv[1:3]
classes = {}
for module in pkgutil.iter_modules(generated.__path__):
    for name, found in vars(importlib.import_module(f"openlineage.client.generated.{module.name}")).items():
        if attr.has(found):
            classes[name] = found


def fields_of(found):
    # Names as in JSON, and whether each must be there.
    return {a.name: a.default is attr.NOTHING for a in attr.fields(found) if not a.name.startswith("_")}


def load(found, value):
    known = {a.name for a in attr.fields(found)}
    given = {k: v for k, v in value.items() if k not in ("_producer", "_schemaURL")}
    unknown = set(given) - known
    if unknown:
        raise ValueError(f"{found.__name__} has no {sorted(unknown)}")
    return found(**given)


def facets(values):
    for name, value in (values or {}).items():
        load(classes[value["_schemaURL"].split("/")[-1]], value)


def dataset(value):
    facets(value.get("facets"))
    facets(value.get("inputFacets"))
    facets(value.get("outputFacets"))
    return [value["namespace"], value["name"]]


def read(event):
    facets(event["run"]["facets"])
    facets(event["job"]["facets"])
    whole = event_v2.RunEvent(
        eventType=event_v2.RunState[event["eventType"]],
        eventTime=event["eventTime"],
        run=event_v2.Run(runId=event["run"]["runId"], facets={}),
        job=event_v2.Job(namespace=event["job"]["namespace"], name=event["job"]["name"], facets={}),
        producer=event["producer"],
    )
    return [
        whole.eventType.value,
        whole.job.name,
        sorted(dataset(each) for each in event["inputs"]),
        sorted(dataset(each) for each in event["outputs"]),
    ]


def theirs(event):
    of = lambda sets: sorted([each.namespace, each.name] for each in sets)  # noqa: E731
    return [event.eventType.value, event.job.name, of(event.inputs), of(event.outputs)]


with open(file, encoding="utf-8") as lines:
    ours = [read(json.loads(line)) for line in lines]
processor = DbtLocalArtifactProcessor(
    project_dir=project, producer="urn:test", job_namespace="dbt", skip_errors=True
)
made = [theirs(event) for event in processor.parse().events()]
used = sorted({name for name, found in classes.items() if name.endswith("Facet")} | {"Assertion", "TestExecution"})
print(
    json.dumps(
        {
            "ours": ours,
            "theirs": made,
            "run": processor.job_name,
            "classes": {name: fields_of(classes[name]) for name in used},
        }
    )
)
