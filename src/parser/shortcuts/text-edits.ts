// Applies edits that change only a node's own text: SQL outside of tags, rows of a seed, plain descriptions, YAML
// comments. Such edits modify the cached manifest in place; any other edit requires a parse. Pure.
import type { Json, ManifestNode } from '../../contracts/node.ts';
import type { SourceFile } from '../../contracts/project.ts';
import { TsdbtError } from '../../errors.ts';
import { templateTags } from '../../jinja/index.ts';
import { loadYaml } from '../../project/yaml.ts';
import { isDict } from '../../project/schema-check.ts';
import type { KeptManifest } from '../kept-manifest.ts';
import { baseName, strippedContents } from '../table/node-paths.ts';

/** The state of the parsed project that edits are compared with. */
export interface ParsedTexts {
  readonly kept: KeptManifest;
  /** Text of each properties file as parsed, by `fileId`. */
  readonly yaml: Readonly<Record<string, string>>;
  /** Nodes whose text a template or a unit test read: see ParseOutput. */
  readonly readers: readonly string[];
}

type YamlDict = { readonly [key: string]: Json };

const TYPES: Readonly<Partial<Record<SourceFile['kind'], string>>> = {
  model: 'model',
  analysis: 'analysis',
  singular_test: 'test',
  seed: 'seed',
};
/** Lists of a properties file whose entries describe nodes, and their resource types. */
const DESCRIBED: Readonly<Record<string, string>> = { models: 'model', seeds: 'seed', snapshots: 'snapshot' };
/** Keys of an entry: if it has no others, an edit of its description changes only the node. */
const ENTRY_KEYS: ReadonlySet<string> = new Set([
  'name',
  'description',
  'columns',
  'config',
  'data_tests',
  'tests',
  'docs',
  'access',
  'group',
  'latest_version',
  'constraints',
  'meta',
  'tags',
]);
const COLUMN_KEYS: ReadonlySet<string> = new Set([
  'name',
  'description',
  'data_type',
  'data_tests',
  'tests',
  'config',
  'constraints',
  'meta',
  'tags',
  'quote',
  'docs',
]);

/**
 * Returns the nodes of the manifest that an edit changes, by unique_id.
 * @param changed the files whose text changed, none of them new
 * @param id returns the key of a file in `yaml`
 * @param now seconds since 1970: creation time of an edited node
 * @returns null if the edit may affect more than texts, so that the project must be parsed
 */
export function editedNodes(
  parsed: ParsedTexts,
  changed: readonly SourceFile[],
  id: (file: SourceFile) => string,
  now: number,
): ReadonlyMap<string, ManifestNode> | null {
  const edited = new Map<string, ManifestNode>();
  for (const file of changed) {
    const found =
      file.kind === 'properties' ? yamlEdits(file, parsed.yaml[id(file)]) : textEdit(file, parsed.readers, now);
    if (found === null) return null;
    for (const [uniqueId, edit] of found) {
      // Two edits of one node, such as SQL and description, would change the same row.
      const node = edited.has(uniqueId) ? undefined : parsed.kept.node(uniqueId);
      const other = node === undefined ? null : editOf(node, file, edit);
      if (other === null) return null;
      edited.set(uniqueId, other);
    }
  }
  return edited;
}

/** Returns a node after an edit of its file; null if the node belongs to another file of that name. */
function editOf(node: ManifestNode, file: SourceFile, edit: Edit): ManifestNode | null {
  if (node.package_name !== file.package_name) return null;
  return file.kind !== 'properties' && node.original_file_path !== file.original_file_path ? null : edit(node);
}

/** Returns the unique_id of the node that a file defines; undefined if it defines none or several. */
export function nodeId(file: SourceFile): string | undefined {
  const type = TYPES[file.kind];
  return type === undefined || file.relative_path.endsWith('.py')
    ? undefined
    : `${type}.${file.package_name}.${baseName(file.relative_path)}`;
}

/** Returns the node after an edit; null if the edit may affect more than this node. */
type Edit = (node: ManifestNode) => ManifestNode | null;
type Edits = ReadonlyMap<string, Edit>;

/** Edits a file that is a node: text and checksum change, if its tags have the same effects. */
function textEdit(file: SourceFile, readers: readonly string[], now: number): Edits | null {
  const uniqueId = nodeId(file);
  if (uniqueId === undefined || readers.includes(uniqueId)) return null;
  return new Map([
    [
      uniqueId,
      (node) => {
        const checksum = { name: file.checksum.name, checksum: file.checksum.checksum };
        if (file.kind === 'seed') return { ...node, checksum, created_at: now };
        const raw_code = strippedContents(file);
        if (node.raw_code === undefined || raw_code.includes('{%') !== node.raw_code.includes('{%')) return null;
        const tags = templateTags(raw_code);
        if (tags === null || tags !== templateTags(node.raw_code)) return null;
        return { ...node, raw_code, checksum, created_at: now };
      },
    ],
  ]);
}

/**
 * Returns the edits of nodes whose description changed in a properties file; empty if only comments and the like
 * changed.
 */
function yamlEdits(file: SourceFile, before: string | undefined): Edits | null {
  const [old, data] = [before === undefined ? null : dictOf(before), dictOf(file.contents)];
  if (old === null || data === null || !sameKeys(old, data)) return null;
  const edits = new Map<string, Edit>();
  for (const key of Object.keys(data)) {
    if (same(old[key], data[key])) continue;
    const type = DESCRIBED[key];
    const [entries, others] = [old[key], data[key]];
    if (type === undefined || !Array.isArray(entries) || !Array.isArray(others) || entries.length !== others.length)
      return null;
    for (const [i, entry] of entries.entries()) {
      const other = others[i];
      if (same(entry, other)) continue;
      if (!isDict(entry) || !isDict(other) || typeof entry['name'] !== 'string' || !describedAlike(entry, other))
        return null;
      const uniqueId = `${type}.${file.package_name}.${entry['name']}`;
      if (edits.has(uniqueId)) return null;
      const path = `${file.package_name}://${file.original_file_path}`;
      edits.set(uniqueId, (node) => (node.patch_path === path ? redescribed(node, entry, other) : null));
    }
  }
  return edits;
}

function dictOf(text: string): YamlDict | null {
  let repeated = false;
  try {
    const data = loadYaml(text, null, {
      onDuplicateKey: () => {
        repeated = true;
      },
    });
    return !repeated && isDict(data) ? data : null;
  } catch (error) {
    if (error instanceof TsdbtError) return null;
    throw error;
  }
}

/** Compares two YAML values, order of keys included; ints, floats and dates are equal when they print alike. */
function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => same(item, b[i]));
  if (!isDict(a as Json) || !isDict(b as Json)) return JSON.stringify(a) === JSON.stringify(b);
  return (
    sameKeys(a as YamlDict, b as YamlDict) &&
    Object.keys(a).every((key) => same((a as YamlDict)[key], (b as YamlDict)[key]))
  );
}

function sameKeys(a: YamlDict, b: YamlDict): boolean {
  const [keys, others] = [Object.keys(a), Object.keys(b)];
  return keys.length === others.length && keys.every((key, i) => key === others[i]);
}

/** Whether two entries differ only in descriptions without Jinja, their own and those of their columns. */
function describedAlike(entry: YamlDict, other: YamlDict): boolean {
  return differInDescription(entry, other, ENTRY_KEYS, (key) => {
    const [columns, others] = [entry[key], other[key]];
    if (key !== 'columns' || !Array.isArray(columns) || !Array.isArray(others) || columns.length !== others.length)
      return false;
    const names = columns.map((column) => (isDict(column) ? column['name'] : null));
    return (
      new Set(names).size === names.length &&
      columns.every((column, i) => {
        const twin = others[i];
        return (
          same(column, twin) ||
          (isDict(column) && isDict(twin) && differInDescription(column, twin, COLUMN_KEYS, () => false))
        );
      })
    );
  });
}

function differInDescription(
  a: YamlDict,
  b: YamlDict,
  known: ReadonlySet<string>,
  otherwise: (key: string) => boolean,
): boolean {
  return (
    sameKeys(a, b) &&
    Object.keys(a).every((key) => {
      if (same(a[key], b[key])) return known.has(key);
      return key === 'description' ? isPlain(a[key]) && isPlain(b[key]) : otherwise(key);
    })
  );
}

function isPlain(text: Json | undefined): boolean {
  return typeof text === 'string' && !text.includes('{');
}

/**
 * Returns the node with new descriptions of itself and its columns; null if its current ones are not those before the
 * edit.
 */
function redescribed(node: ManifestNode, before: YamlDict, after: YamlDict): ManifestNode | null {
  const own = withDescription(node, before['description'], after['description']);
  if (own === null) return null;
  const [columns, others] = [before['columns'] ?? [], after['columns'] ?? []] as [YamlDict[], YamlDict[]];
  const described = { ...node.columns };
  for (const [i, column] of columns.entries()) {
    const name = column['name'];
    if (typeof name !== 'string') {
      if (same(column, others[i])) continue;
      return null;
    }
    const [old, text] = [column['description'], others[i]?.['description']];
    const known = Object.hasOwn(described, name) ? described[name] : undefined;
    if (old === text) continue;
    const edited = known === undefined ? null : withDescription(known, old, text);
    if (edited === null) return null;
    described[name] = edited;
  }
  return { ...own, columns: described };
}

function withDescription<T extends { readonly description: string }>(
  holder: T,
  old: Json | undefined,
  text: Json | undefined,
): T | null {
  if (old === text) return holder;
  return holder.description === old && typeof text === 'string' ? { ...holder, description: text } : null;
}
