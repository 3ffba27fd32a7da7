// The columns of seeds and sources without the database: from catalog.json,
// sources.lock.json, YAML and the files of seeds.
import type { SeedNode, SourceDefinition } from '../contracts/node.ts';
import { TsdbtError } from '../errors.ts';
import { typeInId } from '../graph/node-facts.ts';
import { SILENT } from '../log.ts';
import { lookupNode } from '../runner/nodes.ts';
import type { ParsedProject } from '../runner/parsed-project.ts';
import { seedTable } from '../runner/seed-table.ts';
import type { CatalogColumns } from './catalog-columns.ts';
import type { KnownAnalysis } from './known-analysis.ts';
import { knownColumns } from './source-lock.ts';

/** Names and types. Those of seeds and sources are SQL, others are as the engine has them. */
export type Columns = readonly (readonly [name: string, type: string])[];

interface Table {
  /** Null if they are not known. */
  readonly columns: Columns | null;
  /** Whether the table may have more columns, because YAML need not list all of them. */
  readonly open: boolean;
}

const UNKNOWN: Table = { columns: null, open: false };

export class TableColumns {
  readonly #parsed: ParsedProject;
  readonly #known: KnownAnalysis;
  readonly #catalog: CatalogColumns;
  /** Seeds by the names of their relations. */
  #seeds: Map<string, string> | null = null;

  constructor(parsed: ParsedProject, known: KnownAnalysis) {
    this.#parsed = parsed;
    this.#known = known;
    this.#catalog = knownColumns(parsed);
  }

  /** @param id of a seed or source */
  of(id: string): Table {
    const node = lookupNode(this.#parsed.manifest, id);
    if (node?.resource_type === 'seed') return { columns: this.#seedColumns(node), open: false };
    if (node?.resource_type !== 'source' || node.relation_name === null) return UNKNOWN;
    const seed = this.seedOf(node);
    return seed === undefined ? this.#sourceTable(node) : this.of(seed);
  }

  /** The seed whose table is the source. */
  seedOf({ relation_name: name }: SourceDefinition): string | undefined {
    if (this.#seeds === null) {
      this.#seeds = new Map();
      for (const id of this.#parsed.dag.nodes) {
        const seed = typeInId(id) === 'seed' ? lookupNode(this.#parsed.manifest, id) : undefined;
        if (seed?.resource_type === 'seed' && seed.relation_name !== null && this.#seedColumns(seed) !== null)
          this.#seeds.set(seed.relation_name, id);
      }
    }
    return name === null ? undefined : this.#seeds.get(name);
  }

  #sourceTable(node: SourceDefinition): Table {
    const { adapter } = this.#parsed;
    const found = this.#catalog.get(node.unique_id) ?? [];
    if (found.length > 0) return { columns: found.map(({ name, type }) => [adapter.quote(name), type]), open: false };
    const declared = Object.values(node.columns);
    if (declared.length === 0) return UNKNOWN;
    const typed = declared.flatMap(({ name, data_type: type, quote }): [string, string][] =>
      type === null ? [] : [[quote === true ? adapter.quote(name) : adapter.quoteWritten(name), type]],
    );
    return { columns: typed.length < declared.length ? null : typed, open: true };
  }

  #seedColumns(node: SeedNode): Columns | null {
    const { unique_id: id, checksum, config } = node;
    const own = this.#known.hashOfSql(this.#known.ownHash(id));
    const kept = this.#known.get<{ readonly own: string; readonly columns: Columns }>('seed', id);
    if (kept?.own === own) return kept.columns;
    const { adapter, files } = this.#parsed;
    const types = { ...Object(config.column_types) };
    try {
      const text = files.read(node.original_file_path, node.package_name);
      if (text === null) return null;
      const table = seedTable(node, text, SILENT, false);
      const columns = table.columnNames.map((name, at): [string, string] => [
        config.quote_columns === false ? name : adapter.quote(name),
        String(types[name] ?? adapter.convertType(table, at)),
      ]);
      // The parse does not contain the text of a large seed.
      if (checksum.name !== 'path') this.#known.set('seed', id, { own, columns });
      return columns;
    } catch (error) {
      if (error instanceof TsdbtError) return null;
      throw error;
    }
  }
}
