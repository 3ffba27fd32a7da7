// The manifest of a cached parse as JSON, with an index of tables, rows and facts about nodes. Rows are decoded lazily,
// so that a command on one node reads little more than that node. parse-cache.ts decides whether a parse is valid.
import type { Manifest } from '../contracts/manifest.ts';
import type { ManifestNode } from '../contracts/node.ts';
import {
  isEmptyNode,
  isEnabled,
  isTimeSpine,
  isVersioned,
  type NodeFacts,
  parentsOf,
  ReadFacts,
} from '../graph/node-facts.ts';
import { holdsMarks, markedJson, parseMarkedJson } from '../values/index.ts';
import { unreadRecord } from '../graph/unread-record.ts';

/** Bit flags for facts about a node. */
const MARKS = { versioned: 1, disabled: 2, empty: 4, timeSpine: 8 } as const;

/** A node of `manifest.nodes`: unique_id, size of its row in bytes including the key, and facts. */
type KeptNode = readonly [id: string, size: number, fqn: readonly string[], parents: readonly string[], marks: number];

/** A row of another table. */
type KeptRow = readonly [id: string, size: number];

/** Plain JSON. */
interface KeptIndex {
  /** Byte range of each table in the body. */
  readonly tables: Readonly<Record<string, readonly [from: number, to: number]>>;
  /** In row order. */
  readonly nodes: readonly KeptNode[];
  /** The same for ROW_TABLES; another build may have written none. */
  readonly rows?: Readonly<Record<string, readonly KeptRow[]>>;
  /** Whether the body contains a marked float. */
  readonly marked: boolean;
}

/** Tables other than `nodes` that can be large, and of which most commands need little more than the unique_ids. */
const ROW_TABLES: ReadonlySet<string> = new Set(['sources', 'macros']);

/** A node's row: its index and its position in the body. */
interface Place {
  readonly row: number;
  readonly from: number;
  readonly to: number;
}

/** The bytes of a cached manifest. */
export interface KeptBytes {
  /** JSON: positions in the body. */
  readonly index: Uint8Array;
  /** JSON of the manifest without `metadata`, in UTF-8; integral floats are marked (src/values/float.ts). */
  readonly body: Uint8Array;
}

type Tables = Omit<Manifest, 'metadata'>;

/** Encodes a manifest for the cache. */
export function keepManifest(manifest: Tables): { bytes: KeptBytes; kept: KeptManifest } {
  const out = new Utf8Writer();
  const tables: Record<string, readonly [number, number]> = {};
  const nodes: KeptNode[] = [];
  const rows: Record<string, readonly KeptRow[]> = {};
  const addRows = (table: object): KeptRow[] => {
    out.add('{');
    const sizes = Object.entries(table).map(([id, row], i): KeptRow => {
      if (i > 0) out.add(',');
      return [id, out.add(rowText(id, row))];
    });
    out.add('}');
    return sizes;
  };
  for (const [name, table] of Object.entries(manifest)) {
    if (table === undefined) continue;
    out.add(`${out.length === 0 ? '{' : ','}${JSON.stringify(name)}:`);
    const from = out.length;
    if (table === manifest.nodes)
      for (const [id, size] of addRows(table)) {
        const node = manifest.nodes[id];
        if (node !== undefined) nodes.push(keptNode(id, node, size));
      }
    else if (ROW_TABLES.has(name)) rows[name] = addRows(table);
    else out.add(markedJson(table));
    tables[name] = [from, out.length];
  }
  out.add('}');
  const body = out.bytes();
  const index: KeptIndex = { tables, nodes, rows, marked: holdsMarks(body) };
  const bytes = { index: indexBytes(index), body };
  return { bytes, kept: new KeptManifest(bytes, index) };
}

function indexBytes(index: KeptIndex): Uint8Array {
  return Buffer.from(JSON.stringify(index), 'utf8');
}

function rowText(id: string, node: object): string {
  return `${JSON.stringify(id)}:${markedJson(node)}`;
}

function keptNode(id: string, node: ManifestNode, size: number): KeptNode {
  const marks =
    (isVersioned(node) ? MARKS.versioned : 0) |
    (isEnabled(node) ? 0 : MARKS.disabled) |
    (isEmptyNode(node) ? MARKS.empty : 0) |
    (isTimeSpine(node) ? MARKS.timeSpine : 0);
  return [id, size, node.fqn, parentsOf(node), marks];
}

/**
 * Concatenates texts in UTF-8. Many short texts cost less than one long text, which a single wide character makes
 * two-byte.
 */
class Utf8Writer {
  static readonly #CHUNK = 1 << 20;
  /** Maximum UTF-8 bytes of one UTF-16 code unit. */
  static readonly #WIDEST = 3;
  readonly #full: Uint8Array[] = [];
  #chunk = Buffer.allocUnsafe(Utf8Writer.#CHUNK);
  #used = 0;
  #before = 0;

  get length(): number {
    return this.#before + this.#used;
  }

  /** @returns length of the text in bytes */
  add(text: string): number {
    const most = text.length * Utf8Writer.#WIDEST;
    if (most > this.#chunk.length - this.#used) {
      this.#full.push(this.#chunk.subarray(0, this.#used));
      this.#before += this.#used;
      this.#used = 0;
      this.#chunk = Buffer.allocUnsafe(Math.max(most, Utf8Writer.#CHUNK));
    }
    const size = this.#chunk.write(text, this.#used, 'utf8');
    this.#used += size;
    return size;
  }

  bytes(): Uint8Array {
    return Buffer.concat([...this.#full, this.#chunk.subarray(0, this.#used)]);
  }
}

/** A cached manifest that decodes rows lazily. */
export class KeptManifest {
  readonly #bytes: KeptBytes;
  #indexOrNull: KeptIndex | null = null;
  #placesOrNull: ReadonlyMap<string, Place> | null = null;

  /** @param index decoded `bytes.index`, if known */
  constructor(bytes: KeptBytes, index?: KeptIndex) {
    this.#bytes = bytes;
    this.#indexOrNull = index ?? null;
  }

  get #index(): KeptIndex {
    return (this.#indexOrNull ??= JSON.parse(textOf(this.#bytes.index)) as KeptIndex);
  }

  get #places(): ReadonlyMap<string, Place> {
    if (this.#placesOrNull !== null) return this.#placesOrNull;
    return (this.#placesOrNull = this.#placesOf('nodes', this.#index.nodes));
  }

  #placesOf(table: string, rows: readonly (KeptNode | KeptRow)[]): Map<string, Place> {
    const places = new Map<string, Place>();
    let from = (this.#index.tables[table]?.[0] ?? 0) + 1;
    for (let row = 0; row < rows.length; row++) {
      const each = rows[row];
      if (each === undefined) continue;
      const to = from + each[1];
      places.set(each[0], { row, from, to });
      from = to + 1;
    }
    return places;
  }

  /** Whether the JSON contains a float that artifacts write differently. */
  get marked(): boolean {
    return this.#index.marked;
  }

  /** Whether any resource has a field or setting with this name. Decodes nothing. */
  hasKey(name: string): boolean {
    const { buffer, byteOffset, byteLength } = this.#bytes.body;
    // Quotes in a text are escaped, so no text can match a key.
    return Buffer.from(buffer, byteOffset, byteLength).includes(`${JSON.stringify(name)}:`);
  }

  /** Returns the marked JSON of a table; undefined if it does not exist. */
  table(name: string): Uint8Array | undefined {
    const place = this.#index.tables[name];
    return place === undefined ? undefined : this.#bytes.body.subarray(...place);
  }

  /** Returns the marked JSON of adjacent nodes, with keys and separating commas. */
  rows(ids: readonly string[]): Uint8Array[] {
    const stretches: { from: number; to: number; last: number }[] = [];
    let stretch: { from: number; to: number; last: number } | undefined;
    for (const id of ids) {
      const place = this.#places.get(id);
      if (place === undefined) continue;
      const { row, from, to } = place;
      if (stretch?.last === row - 1) {
        stretch.to = to;
        stretch.last = row;
      } else stretches.push((stretch = { from, to, last: row }));
    }
    return stretches.map(({ from, to }) => this.#bytes.body.subarray(from, to));
  }

  /** Returns a node; undefined if it does not exist. */
  node(id: string): ManifestNode | undefined {
    const place = this.#places.get(id);
    return place === undefined ? undefined : (this.#read(id, place) as ManifestNode);
  }

  #read(id: string, { from, to }: Place): unknown {
    const key = Buffer.byteLength(JSON.stringify(id), 'utf8') + 1;
    return parseMarkedJson(textOf(this.#bytes.body.subarray(from + key, to)));
  }

  /** Adds the manifest to an object. Tables, and each node, source and macro, are decoded on first access. */
  into<T extends object>(target: T): T & Tables {
    for (const name of Object.keys(this.#index.tables)) {
      let table: unknown;
      Object.defineProperty(target, name, {
        enumerable: true,
        configurable: true,
        get: () => (table ??= this.#readTable(name)),
        set: (value: unknown) => {
          table = value;
        },
      });
    }
    return target as T & Tables;
  }

  #readTable(name: string): unknown {
    const rows = this.#index.rows?.[name];
    const places = name === 'nodes' ? this.#places : rows === undefined ? undefined : this.#placesOf(name, rows);
    if (places !== undefined) return unreadRecord(places, (id, place) => this.#read(id, place));
    const json = this.table(name);
    return json === undefined ? undefined : parseMarkedJson(textOf(json));
  }

  /** Facts about the nodes. Those of nodes added later are computed from the manifest. */
  facts(nodes: Manifest['nodes']): NodeFacts {
    return new KeptFacts(this.#index.nodes, this.#places, new ReadFacts(nodes));
  }

  /** Returns the bytes with replaced nodes, whose unique_ids must exist. */
  withNodes(edited: ReadonlyMap<string, ManifestNode>): KeptBytes {
    if (edited.size === 0) return this.#bytes;
    const { body } = this.#bytes;
    const { tables, rows, marked } = this.#index;
    const nodes = [...this.#index.nodes];
    const parts: Uint8Array[] = [];
    let [at, growth] = [0, 0];
    for (const [id, { row, from, to }] of this.#places) {
      const node = edited.get(id);
      if (node === undefined) continue;
      const text = Buffer.from(rowText(id, node), 'utf8');
      nodes[row] = keptNode(id, node, text.length);
      growth += text.length - (to - from);
      parts.push(body.subarray(at, from), text);
      at = to;
    }
    parts.push(body.subarray(at));
    const whole = Buffer.concat(parts);
    const end = tables['nodes']?.[1] ?? 0;
    const moved = Object.entries(tables).map(([name, [from, to]]): [string, readonly [number, number]] => [
      name,
      [from >= end ? from + growth : from, to >= end ? to + growth : to],
    ]);
    return {
      index: indexBytes({
        tables: Object.fromEntries(moved),
        nodes,
        ...(rows && { rows }),
        marked: marked || holdsMarks(whole),
      }),
      body: whole,
    };
  }
}

class KeptFacts implements NodeFacts {
  readonly #nodes: readonly KeptNode[];
  readonly #places: ReadonlyMap<string, Place>;
  readonly #others: NodeFacts;

  constructor(nodes: readonly KeptNode[], places: ReadonlyMap<string, Place>, others: NodeFacts) {
    this.#nodes = nodes;
    this.#places = places;
    this.#others = others;
  }

  #of(id: string): KeptNode | undefined {
    const place = this.#places.get(id);
    return place === undefined ? undefined : this.#nodes[place.row];
  }

  fqn(id: string): readonly string[] {
    return this.#of(id)?.[2] ?? this.#others.fqn(id);
  }

  parents(id: string): readonly string[] {
    return this.#of(id)?.[3] ?? this.#others.parents(id);
  }

  isVersioned(id: string): boolean {
    return this.#has(id, MARKS.versioned) ?? this.#others.isVersioned(id);
  }

  isEnabled(id: string): boolean {
    const disabled = this.#has(id, MARKS.disabled);
    return disabled === undefined ? this.#others.isEnabled(id) : !disabled;
  }

  isEmpty(id: string): boolean {
    return this.#has(id, MARKS.empty) ?? this.#others.isEmpty(id);
  }

  isTimeSpine(id: string): boolean {
    return this.#has(id, MARKS.timeSpine) ?? this.#others.isTimeSpine(id);
  }

  #has(id: string, mark: number): boolean | undefined {
    const node = this.#of(id);
    return node === undefined ? undefined : (node[4] & mark) !== 0;
  }
}

/** Bytes as text. */
export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}
