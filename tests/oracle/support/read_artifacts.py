#!/usr/bin/env python3
"""Reads a project's target/ with programs that consume dbt's artifacts.

python read_artifacts.py PROJECT prints JSON, one part a reader. Readers: dbt itself (as with --state),
dbt-artifacts-parser, dbt-colibri (column lineage) and Cosmos (its loader of manifest.json). Runs in an environment that
has all four. Clocks and the texts of the built-in macros are left out: they are not the same in two runs.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault('AIRFLOW_HOME', tempfile.mkdtemp())
os.environ['DO_NOT_TRACK'] = '1'
CLOCKS = {
    'created_at',
    'generated_at',
    'timing',
    'execution_time',
    'thread_id',
    'elapsed_time',
    'invocation_id',
    'invocation_started_at',
    'started_at',
    'completed_at',
    'max_loaded_at',
    'snapshotted_at',
    'max_loaded_at_time_ago_in_s',
    'run_started_at',
    'root_path',
    'compiled_path',
    'user_id',
    'send_anonymous_usage_stats',
    'args',
    'env',
    'metadata',
    'query_id',
    'dbt_version',
    'doc_blocks',
}


def plain(value):
    """JSON without what differs from run to run."""
    if isinstance(value, dict):
        return {
            str(k): plain(v)
            for k, v in value.items()
            if k not in CLOCKS and not str(k).startswith(('macro.dbt.', 'macro.dbt_postgres.', 'doc.dbt.'))
        }
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value if not str(v).startswith(('macro.dbt.', 'macro.dbt_postgres.'))]
    if isinstance(value, (set, frozenset)):
        return sorted(plain(v) for v in value)
    if isinstance(value, (str, int, float, bool)) or value is None:
        return value
    return str(value)


def read_dbt(target):
    from dbt.artifacts.schemas.catalog import CatalogArtifact
    from dbt.artifacts.schemas.freshness import FreshnessExecutionResultArtifact
    from dbt.artifacts.schemas.manifest import WritableManifest
    from dbt.artifacts.schemas.run import RunResultsArtifact

    readers = {
        'manifest': WritableManifest,
        'run_results': RunResultsArtifact,
        'catalog': CatalogArtifact,
        'sources': FreshnessExecutionResultArtifact,
    }
    out = {
        name: reader.read_and_check_versions(str(target / f'{name}.json')).to_dict()
        for name, reader in readers.items()
        if (target / f'{name}.json').exists()
    }
    if (target / 'semantic_manifest.json').exists():
        out['semantic_manifest'] = json.loads((target / 'semantic_manifest.json').read_text())
    if (target / 'graph_summary.json').exists():
        graph = json.loads((target / 'graph_summary.json').read_text())['linked']
        out['graph_summary'] = {
            node['name']: [node['type'], sorted(graph[str(number)]['name'] for number in node.get('succ', []))]
            for node in graph.values()
        }
    return out


def read_parser(target):
    from dbt_artifacts_parser import parser

    readers = {
        'manifest': parser.parse_manifest,
        'run_results': parser.parse_run_results,
        'catalog': parser.parse_catalog,
        'sources': parser.parse_sources,
    }
    out = {}
    for name, reader in readers.items():
        if (target / f'{name}.json').exists():
            parsed = reader(json.loads((target / f'{name}.json').read_text()))
            out[name] = {'class': type(parsed).__module__, **parsed.model_dump(mode='json')}
    return out


def read_colibri(target):
    from dbt_colibri.lineage_extractor.extractor import DbtColumnLineageExtractor
    from dbt_colibri.report.generator import DbtColibriReportGenerator

    extractor = DbtColumnLineageExtractor(str(target / 'manifest.json'), str(target / 'catalog.json'))
    with tempfile.TemporaryDirectory() as folder:
        DbtColibriReportGenerator(extractor, disable_telemetry=True).generate_report(output_dir=folder)
        report = json.loads((Path(folder) / 'colibri-manifest.json').read_text())
    edges = report.get('lineage', {}).get('edges', [])
    report['lineage'] = {
        **report.get('lineage', {}),
        'edges': sorted(json.dumps({k: v for k, v in edge.items() if k != 'id'}, sort_keys=True) for edge in edges),
    }
    return report


def read_cosmos(target):
    from cosmos.config import ExecutionConfig, ProfileConfig, ProjectConfig, RenderConfig
    from cosmos.constants import LoadMode
    from cosmos.dbt.graph import DbtGraph

    project = target.parent
    graph = DbtGraph(
        project=ProjectConfig(manifest_path=target / 'manifest.json', project_name='p'),
        render_config=RenderConfig(load_method=LoadMode.DBT_MANIFEST, dbt_project_path=project),
        execution_config=ExecutionConfig(dbt_project_path=project),
        profile_config=ProfileConfig(
            profile_name='p', target_name='dev', profiles_yml_filepath=Path(sys.argv[2]) / 'profiles.yml'
        ),
    )
    graph.load_from_dbt_manifest()
    fields = (
        'resource_type',
        'depends_on',
        'tags',
        'config',
        'has_freshness',
        'has_test',
        'package_name',
        'name',
        'downstream',
    )
    return {
        id: {
            **{field: getattr(node, field, None) for field in fields},
            'file': os.path.relpath(node.file_path, project),
        }
        for id, node in graph.filtered_nodes.items()
    }


def main(project):
    target = Path(project) / 'target'
    out = {}
    for name, reader in (
        ('dbt', read_dbt),
        ('dbt-artifacts-parser', read_parser),
        ('dbt-colibri', read_colibri),
        ('cosmos', read_cosmos),
    ):
        real, sys.stdout = sys.stdout, sys.stderr
        try:
            out[name] = plain(reader(target))
        except Exception as error:
            out[name] = {'error': f'{type(error).__name__}: {error}'}
        finally:
            sys.stdout = real
    json.dump(out, sys.stdout)


main(sys.argv[1])
