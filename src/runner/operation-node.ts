// A node for code without a file: run-operation, and internal macro calls.
import type { HookNode } from '../contracts/node.ts';
import type { RuntimeConfig } from '../contracts/project.ts';

/** @param name last part of the unique_id */
export function operationNode(
  config: RuntimeConfig,
  name: string,
  packageName = config.project.project_name,
): HookNode {
  const { database, schema } = config.profile.credentials;
  const unique_id = `operation.${packageName}.${name}`;
  return {
    database,
    schema,
    name,
    resource_type: 'operation',
    package_name: packageName,
    path: '',
    original_file_path: '',
    unique_id,
    fqn: unique_id.split('.'),
    alias: name,
    checksum: { name: 'none', checksum: '' },
    config: { enabled: true, tags: [], meta: {}, materialized: 'view', 'pre-hook': [], 'post-hook': [] },
    tags: [],
    description: '',
    columns: {},
    meta: {},
    group: null,
    docs: { show: true, node_color: null },
    patch_path: null,
    build_path: null,
    unrendered_config: {},
    created_at: 0,
    relation_name: null,
    raw_code: '',
    doc_blocks: [],
    language: 'sql',
    refs: [],
    sources: [],
    metrics: [],
    functions: [],
    depends_on: { macros: [], nodes: [] },
    compiled_path: null,
    contract: { enforced: false, alias_types: true, checksum: null },
    index: null,
  };
}
