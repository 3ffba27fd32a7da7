// Column lineage of the page: the columns that a column comes from and those that come from it, through all items, as
// lists and as a graph.
'use strict';

const columnKey = (item, column) => `${item}\u0000${column.toLowerCase()}`;

/** Finds edges in both directions. Readers are collected when they are first needed. */
class ColumnLineage {
  #items;
  #readers = null;

  constructor(items) {
    this.#items = items;
  }

  /** Whether the page has lineage at all. */
  get known() {
    return this.#items.some((item) => item.uses || item.columns?.some((c) => c.from || c.uses));
  }

  /** @returns {object | undefined} undefined if the item has no page or no such column */
  column(item, name) {
    return this.#items[item]?.columns?.find((c) => c.name.toLowerCase() === name.toLowerCase());
  }

  /** The edges above a column, nearest first: `[item, column, kind, depth]`. A column is listed once. */
  sources(item, name) {
    return this.#walk(item, name, (at, column) => this.column(at, column)?.from ?? []);
  }

  /** The edges below a column. */
  readers(item, name) {
    return this.#walk(item, name, (at, column) => this.#read.values.get(columnKey(at, column)) ?? []);
  }

  /** `[item, column or null for all rows, role]` where a column decides rows or values without being in the value. */
  deciding(item, name) {
    return this.#read.uses.get(columnKey(item, name)) ?? [];
  }

  /** The nearest description above a column whose value is unchanged on the way; null if there is none. */
  described(item, column) {
    let [at, found] = [item, column];
    for (let step = 0; step < 100 && found; step += 1) {
      if (found.description) return { item: at, column: found };
      const [[of, name, kind], ...others] = found.from ?? [['', '', '']];
      if (kind !== 'identical' || others.length > 0 || found.unknown) return null;
      [at, found] = [of, this.column(of, name)];
    }
    return null;
  }

  get #read() {
    if (this.#readers !== null) return this.#readers;
    const [values, uses] = [new Map(), new Map()];
    const add = (edges, key, edge) => {
      if (!edges.has(key)) edges.set(key, []);
      edges.get(key).push(edge);
    };
    this.#items.forEach((item, i) => {
      for (const [of, name, role] of item.uses ?? []) add(uses, columnKey(of, name), [i, null, role]);
      for (const c of item.columns ?? []) {
        for (const [of, name, kind] of c.from ?? []) add(values, columnKey(of, name), [i, c.name, kind]);
        for (const [of, name, role] of c.uses ?? []) add(uses, columnKey(of, name), [i, c.name, role]);
      }
    });
    this.#readers = { values, uses };
    return this.#readers;
  }

  #walk(item, name, next) {
    const seen = new Set([columnKey(item, name)]);
    const found = [];
    const visit = (at, column, depth) => {
      const fresh = next(at, column).filter(([of, c]) => !seen.has(columnKey(of, c)));
      for (const [of, c] of fresh) seen.add(columnKey(of, c));
      for (const [of, c, kind] of fresh) {
        found.push([of, c, kind, depth]);
        visit(of, c, depth + 1);
      }
    };
    visit(item, name, 0);
    return found;
  }
}

/** Deeper columns are not listed, but are in the graph. */
const DEEPEST_LISTED = 12;
/** Longer lists are cut. */
const LONGEST_LIST = 200;

/**
 * The part of a page about one column, as HTML.
 * @param link returns the address of a column's page
 */
function columnPart(lineage, items, item, column, link) {
  const nameOf = (of, name) => {
    const text = escapeHtml(`${typeof of === 'number' ? items[of].name : of}${name === null ? '' : `.${name}`}`);
    if (typeof of !== 'number') return `<span>${text}</span>`;
    return `<a href="${link(of, name)}" style="${colourOf(items[of])}">${text}</a>`;
  };
  const row = ([of, name, how, depth = 0]) => {
    const tests = (name === null ? undefined : lineage.column(of, name))?.tests ?? [];
    const chips = tests.map((t) => `<span class="chip">${escapeHtml(t)}</span>`).join('');
    const indent = `padding-left: ${Math.min(depth, DEEPEST_LISTED) * 16}px`;
    return `<li style="${indent}">${nameOf(of, name)} <small>${escapeHtml(how)}</small> ${chips}</li>`;
  };
  const list = (title, edges) => {
    const shown = edges.slice(0, LONGEST_LIST).map(row);
    if (edges.length === 0) shown.push('<li class="none">nothing</li>');
    if (edges.length > LONGEST_LIST) shown.push(`<li class="none">and ${edges.length - LONGEST_LIST} more</li>`);
    return `<div><h3>${title} (${edges.length})</h3><ul>${shown.join('')}</ul></div>`;
  };
  const decided = [...(column.uses ?? []), ...(items[item].uses ?? [])];
  const unknown = column.unknown ? `<p class="none">Not fully known: ${escapeHtml(column.unknown)}</p>` : '';
  return (
    `<h2 id="column">Column <code>${escapeHtml(column.name)}</code></h2>${unknown}` +
    '<div class="lineage" data-column></div><div class="edges">' +
    list('Comes from', lineage.sources(item, column.name)) +
    list('Goes into', lineage.readers(item, column.name)) +
    list('Decided by', decided) +
    list('Decides', lineage.deciding(item, column.name)) +
    '</div>'
  );
}

/**
 * Items whose names have the columns, and whose edges are those of the columns, for `drawGraph`.
 * @returns {{ shown: object[], ids: number[] }}
 */
function columnGraph(lineage, items, item, name) {
  const columns = new Map();
  const named = (of, c) => lineage.column(of, c)?.name ?? c;
  const put = (of, c) => columns.set(of, (columns.get(of) ?? new Set()).add(named(of, c)));
  put(item, name);
  for (const [of, c] of [...lineage.sources(item, name), ...lineage.readers(item, name)])
    if (typeof of === 'number') put(of, c);
  const shown = items.slice();
  for (const [of, names] of columns) {
    const parents = new Set();
    for (const c of names)
      for (const [parent, source] of lineage.column(of, c)?.from ?? [])
        if (parent !== of && columns.get(parent)?.has(named(parent, source))) parents.add(parent);
    shown[of] = {
      ...items[of],
      name: `${items[of].name}.${[...names].join(', ')}`,
      parents: [...parents],
      children: [],
    };
  }
  for (const of of columns.keys()) for (const parent of shown[of].parents) shown[parent].children.push(of);
  return { shown, ids: [...columns.keys()] };
}
