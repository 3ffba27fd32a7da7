// Runs `docs generate` on a compiled project: queries the catalog, writes catalog.json and the page. The caller parses,
// selects, compiles and writes manifest.json.
import { randomBytes } from 'node:crypto';
import { cpSync, existsSync, lstatSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import type { Adapter, ExecuteMacro } from '../adapters/adapter.ts';
import type { Relation } from '../adapters/relation.ts';
import { Table } from '../adapters/table.ts';
import { relationFrom } from '../context/relations.ts';
import type { Manifest } from '../contracts/manifest.ts';
import type { Json, ManifestNode, SourceDefinition } from '../contracts/node.ts';
import type { CatalogArtifact } from '../contracts/results.ts';
import { errorOf } from '../error-table.ts';
import { formatError, TsdbtError } from '../errors.ts';
import { fire } from '../events/index.ts';
import type { Logger } from '../log.ts';
import { toJson } from '../values/json.ts';
import { buildCatalog, type CatalogRow } from './catalog.ts';
import { renderPage } from './page.ts';
import { buildSiteData } from './site-data.ts';
import { LINEAGE_FILE, type SiteLineage } from './site-columns.ts';
import { makeFolder } from '../make-folder.ts';
import { checkWithin, realPath } from '../project/outside-paths.ts';

export interface GenerateDocsInput {
  readonly manifest: Manifest;
  /** Folder of the project: asset paths are relative to it. */
  readonly projectRoot: string;
  readonly assetPaths: readonly string[];
  /** Whether assets may be links to files outside of their folder. */
  readonly allowOutside: boolean;
  /** Absolute path; the folder is created when missing. */
  readonly targetDir: string;
  /** unique_ids selected by `--select` and `--exclude`; null without a selection. */
  readonly selected: ReadonlySet<string> | null;
  /** Whether the project was compiled. If so, relations are queried by name even without a selection. */
  readonly compiled: boolean;
  /** `--empty-catalog`: skips the database query. */
  readonly emptyCatalog: boolean;
  /** `--static`: also write static_index.html. */
  readonly static: boolean;
  readonly adapter: Adapter;
  /** Analyzes the columns, with the catalog that was written; null without `--column-lineage`. */
  readonly lineage: (() => Promise<SiteLineage>) | null;
  /** Calls `get_catalog` and `get_catalog_relations`, so that overrides in the project apply. */
  readonly executeMacro: ExecuteMacro;
  /** Schema version, versions, ids and time of this invocation. */
  readonly metadata: CatalogArtifact['metadata'];
  /** The tsdbt version. */
  readonly version: string;
  readonly logger: Logger;
  /** Masks secrets in written values. */
  readonly mask: <T>(value: T) => T;
}

/** Above this number of relations, one query per schema is cheaper. dbt has the same limit. */
const MAX_RELATIONS = 100;

/**
 * Writes `catalog.json`, `index.html` and, if requested, `static_index.html` and `column_lineage.json` to the target
 * folder. Without lineage, an outdated `column_lineage.json` is removed.
 * @returns the catalog; its `errors` name the schemas that could not be read (the command then fails)
 */
export async function generateDocs(input: GenerateDocsInput): Promise<CatalogArtifact> {
  const { manifest, targetDir, logger } = input;
  const { rows, errors } = input.emptyCatalog ? { rows: [], errors: [] } : await fetchCatalog(input);
  const catalog = input.mask(
    buildCatalog({
      manifest,
      rows,
      selected: input.emptyCatalog ? new Set() : input.selected,
      errors,
      metadata: input.metadata,
    }),
  );
  const path = join(targetDir, 'catalog.json');
  writeWhole(path, JSON.stringify(catalog));
  fire(logger, 'ArtifactWritten', { artifact_type: 'CatalogArtifact', artifact_path: path });
  const lineage = await input.lineage?.();
  const lineagePath = join(targetDir, LINEAGE_FILE);
  if (lineage === undefined) rmSync(lineagePath, { force: true });
  else {
    const artifact = { generated_at: input.metadata.generated_at, nodes: Object.fromEntries(lineage) };
    writeWhole(lineagePath, JSON.stringify(input.mask(artifact)));
  }
  const page = renderPage(input.mask(buildSiteData(manifest, catalog, input.version, lineage && { lineage })));
  writeWhole(join(targetDir, 'index.html'), page);
  if (input.static) writeWhole(join(targetDir, 'static_index.html'), page);
  copyAssets(input);
  if (errors.length > 0) fire(logger, 'WriteCatalogFailure', { num_exceptions: errors.length });
  fire(logger, 'CatalogWritten', { path });
  return catalog;
}

/** What a query of the catalog needs. */
type CatalogQuery = Pick<
  GenerateDocsInput,
  'manifest' | 'selected' | 'compiled' | 'adapter' | 'executeMacro' | 'logger'
>;

/** The columns of sources in the database. @returns null if they could not be read; the error is reported */
export async function fetchSources(
  input: CatalogQuery,
  metadata: CatalogArtifact['metadata'],
): Promise<CatalogArtifact['sources'] | null> {
  const manifest = { ...input.manifest, nodes: {} };
  const { rows, errors } = await fetchCatalog({ ...input, manifest });
  if (errors.length > 0) return null;
  return buildCatalog({ manifest, rows, selected: input.selected, errors, metadata }).sources;
}

async function fetchCatalog({
  manifest,
  selected,
  compiled,
  adapter,
  executeMacro,
  logger,
}: CatalogQuery): Promise<{ rows: CatalogRow[]; errors: string[] }> {
  fire(logger, 'BuildingCatalog', {});
  const all = [...Object.values(manifest.nodes).filter(hasRelation), ...Object.values(manifest.sources)];
  const wanted = selected === null ? all : all.filter((node) => selected.has(node.unique_id));
  const relations = wanted.map((node) => relationOf(adapter, node));
  const [first] = relations;
  if (first === undefined) return { rows: [], errors: [] };
  const byRelations =
    (compiled || selected !== null) && wanted.length <= MAX_RELATIONS && adapter.capabilities.schemaMetadataByRelations;
  const information = first.informationSchema();
  const fold = (name: string): string => (adapter.relations.exactNames === true ? name : name.toLowerCase());
  const schemas = [
    ...new Set(
      (byRelations ? relations : all.map((node) => relationOf(adapter, node))).map(({ schema }) => fold(schema ?? '')),
    ),
  ].sort();
  try {
    const table = byRelations
      ? await executeMacro('get_catalog_relations', [information, relations])
      : await executeMacro('get_catalog', [information, schemas]);
    if (!(table instanceof Table))
      throw errorOf('catalogNoTable', { macro: byRelations ? 'get_catalog_relations' : 'get_catalog' });
    return { rows: rowsOf(table, (schema) => schemas.includes(fold(schema))), errors: [] };
  } catch (error) {
    if (!(error instanceof TsdbtError) || error.kind === 'connection') throw error;
    const exc = formatError(error);
    fire(logger, 'CatalogGenerationError', { exc });
    return { rows: [], errors: [exc] };
  }
}

/** Rows whose schema belongs to the project, as plain values. */
function rowsOf(table: Table, uses: (schema: string) => boolean): CatalogRow[] {
  const names = table.columnNames;
  const rows: CatalogRow[] = [];
  for (const row of table.rows) {
    const schema = row.get('table_schema');
    if (typeof schema !== 'string' || !uses(schema)) continue;
    rows.push(new Map(names.map((name, i) => [name, toJson(row.values[i] ?? null) as Json])));
  }
  return rows;
}

/** Whether a node has a relation: ephemeral models have none, and tests only if they store failures. */
function hasRelation(node: ManifestNode): boolean {
  switch (node.resource_type) {
    case 'model':
      return node.config.materialized !== 'ephemeral';
    case 'seed':
    case 'snapshot':
      return true;
    case 'test':
      return node.config.store_failures === true || (node.config.store_failures_as ?? 'ephemeral') !== 'ephemeral';
    default:
      return false;
  }
}

function relationOf(adapter: Adapter, node: ManifestNode | SourceDefinition): Relation {
  return relationFrom(adapter, null, node);
}

/**
 * Copies assets, such as images that descriptions show, next to the page. A link to a file is copied as that file when
 * it stays in the asset folder, because the page may be published; links to folders are skipped.
 */
function copyAssets({ assetPaths, projectRoot, targetDir, allowOutside }: GenerateDocsInput): void {
  for (const path of assetPaths) {
    // Copying first removes the destination: a path outside the target folder could delete unrelated files.
    const inside = relative(projectRoot, join(projectRoot, path));
    if (
      inside === '' ||
      inside.split(sep)[0] === '..' ||
      !relative(join(projectRoot, path), targetDir).startsWith('..')
    ) {
      throw errorOf('assetPathOutside', { path }, { path: 'dbt_project.yml' });
    }
    const to = join(targetDir, path);
    // A link above the destination would delete and write files elsewhere.
    checkWithin(dirname(to), targetDir, 'asset-paths');
    rmSync(to, { recursive: true, force: true });
    const from = join(projectRoot, path);
    if (!existsSync(from)) continue;
    const [real, expected] = [realPath(from), join(realPath(projectRoot), inside)];
    if (!allowOutside && real !== expected)
      throw errorOf('outsidePath', { setting: 'asset-paths', path, real, folder: expected });
    cpSync(from, to, {
      recursive: true,
      dereference: true,
      filter(source) {
        if (source === from || !lstatSync(source).isSymbolicLink()) return true;
        if (!allowOutside) checkWithin(source, from, 'asset-paths');
        return statSync(source, { throwIfNoEntry: false })?.isFile() === true;
      },
    });
  }
}

/** Writes a temporary file and renames it, so that readers never see a partial file. */
function writeWhole(path: string, text: string): void {
  makeFolder(dirname(path));
  const beside = `${path}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
  writeFileSync(beside, text, { mode: 0o600, flag: 'wx' });
  renameSync(beside, path);
}
