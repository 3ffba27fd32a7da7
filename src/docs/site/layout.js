// Places a directed acyclic graph in layers from left to right: each node one layer after its last parent, crossings
// reduced by medians, long edges bent around the layers that they pass. Pure; drawing is in graph.js.
'use strict';

const NODE_HEIGHT = 30;
const ROW_GAP = 14;
const LAYER_GAP = 74;
/** From so many nodes on a layer is folded into several columns, or the picture would be one tall thread. */
const DENSE_FROM = 250;
/** Width to height that a dense picture tries for. */
const ASPECT = 1.7;
/** Sweeps of the crossing reduction: more hardly change the picture. */
const SWEEPS = 8;

/**
 * @param {{ id: number, width: number }[]} nodes
 * @param {[number, number][]} edges from parent to child, both in `nodes`
 * @returns {{
 *   at: Map<number, { x: number, y: number, width: number }>,
 *   paths: { from: number, to: number, d: string }[],
 *   width: number, height: number,
 * }}
 */
function layoutGraph(nodes, edges) {
  const layer = layersOf(nodes, edges);
  if (nodes.length >= DENSE_FROM) return layoutDense(nodes, edges, layer);
  const { columns, links } = withBends(nodes, edges, layer);
  reduceCrossings(columns, links);
  const y = rowsOf(columns, links);
  const at = new Map();
  let x = 0;
  const left = [];
  const widths = columns.map((column) =>
    Math.max(60, ...column.filter((v) => typeof v === 'number').map((v) => nodes[v].width)),
  );
  columns.forEach((_, i) => {
    left.push(x);
    x += widths[i] + LAYER_GAP;
  });
  let height = 0;
  columns.forEach((column, i) => {
    for (const v of column) {
      height = Math.max(height, y.get(v) + NODE_HEIGHT);
      if (typeof v === 'number') at.set(nodes[v].id, { x: left[i], y: y.get(v), width: nodes[v].width });
    }
  });
  const paths = links.map((link) => ({
    from: nodes[link.from].id,
    to: nodes[link.to].id,
    d: pathOf(link, layer, left, widths, y, nodes),
  }));
  return { at, paths, width: Math.max(0, x - LAYER_GAP), height };
}

/** Each layer a block of columns of the same height; edges go straight from block to block. */
function layoutDense(nodes, edges, layer) {
  const index = new Map(nodes.map((n, i) => [n.id, i]));
  const columns = Array.from({ length: Math.max(...layer) + 1 }, () => []);
  nodes.forEach((_, i) => columns[layer[i]].push(i));
  const links = edges.map(([a, b]) => ({ from: index.get(a), to: index.get(b), way: [index.get(a), index.get(b)] }));
  reduceCrossings(columns, links);
  const mean = nodes.reduce((sum, n) => sum + n.width, 0) / nodes.length + ROW_GAP;
  const step = NODE_HEIGHT + ROW_GAP;
  const rows = Math.max(12, Math.ceil(Math.sqrt((nodes.length * mean) / (ASPECT * step))));
  const at = new Map();
  let x = 0;
  let height = 0;
  for (const column of columns) {
    const folds = Math.ceil(column.length / rows);
    const tall = Math.ceil(column.length / Math.max(1, folds));
    for (let f = 0; f < folds; f += 1) {
      const part = column.slice(f * tall, (f + 1) * tall);
      part.forEach((v, i) =>
        at.set(nodes[v].id, { x, y: (rows - tall) * (step / 2) + i * step, width: nodes[v].width }),
      );
      x += Math.max(...part.map((v) => nodes[v].width)) + (f === folds - 1 ? LAYER_GAP * 2 : ROW_GAP);
    }
    height = Math.max(height, rows * step);
  }
  const paths = edges.map(([from, to]) => {
    const a = at.get(from);
    const b = at.get(to);
    const x1 = a.x + a.width;
    const bend = Math.max(40, (b.x - x1) / 2);
    const y1 = round(a.y + NODE_HEIGHT / 2);
    const y2 = round(b.y + NODE_HEIGHT / 2);
    const curve = `${round(x1 + bend)},${y1} ${round(b.x - bend)},${y2} ${round(b.x)},${y2}`;
    return { from, to, d: `M${round(x1)},${y1}C${curve}` };
  });
  return { at, paths, width: x - LAYER_GAP * 2, height };
}

/** Longest path from a root; then a root moves right to just before its first child: edges from sources are shorter. */
function layersOf(nodes, edges) {
  const index = new Map(nodes.map((n, i) => [n.id, i]));
  const children = nodes.map(() => []);
  const waits = nodes.map(() => 0);
  for (const [a, b] of edges) {
    children[index.get(a)].push(index.get(b));
    waits[index.get(b)] += 1;
  }
  const layer = nodes.map(() => 0);
  const hasParent = waits.map((n) => n > 0);
  const ready = waits.flatMap((n, i) => (n === 0 ? [i] : []));
  for (let next = 0; next < ready.length; next += 1) {
    const v = ready[next];
    for (const w of children[v]) {
      layer[w] = Math.max(layer[w], layer[v] + 1);
      if (--waits[w] === 0) ready.push(w);
    }
  }
  nodes.forEach((_, i) => {
    if (!hasParent[i] && children[i].length > 0) layer[i] = Math.min(...children[i].map((w) => layer[w])) - 1;
  });
  return layer;
}

/** Columns of nodes (numbers) and of bends (text) where an edge passes a layer; `links`: the edges with their way. */
function withBends(nodes, edges, layer) {
  const index = new Map(nodes.map((n, i) => [n.id, i]));
  const columns = Array.from({ length: Math.max(-1, ...layer) + 1 }, () => []);
  nodes.forEach((_, i) => columns[layer[i]].push(i));
  const links = edges.map(([a, b], e) => {
    const from = index.get(a);
    const to = index.get(b);
    const way = [from];
    for (let l = layer[from] + 1; l < layer[to]; l += 1) {
      const bend = `${e}.${l}`;
      columns[l].push(bend);
      way.push(bend);
    }
    way.push(to);
    return { from, to, way };
  });
  return { columns, links };
}

function neighboursOf(columns, links) {
  const before = new Map();
  const after = new Map();
  for (const column of columns)
    for (const v of column) {
      before.set(v, []);
      after.set(v, []);
    }
  for (const { way } of links) {
    for (let i = 1; i < way.length; i += 1) {
      after.get(way[i - 1]).push(way[i]);
      before.get(way[i]).push(way[i - 1]);
    }
  }
  return { before, after };
}

function reduceCrossings(columns, links) {
  const { before, after } = neighboursOf(columns, links);
  const place = new Map();
  const number = (column) => column.forEach((v, i) => place.set(v, i));
  columns.forEach(number);
  const sort = (column, neighbours) => {
    const middle = new Map(
      column.map((v, i) => {
        const places = neighbours
          .get(v)
          .map((w) => place.get(w))
          .sort((a, b) => a - b);
        if (places.length === 0) return [v, i];
        const half = places.length >> 1;
        return [v, places.length % 2 ? places[half] : (places[half - 1] + places[half]) / 2];
      }),
    );
    column.sort((a, b) => middle.get(a) - middle.get(b) || place.get(a) - place.get(b));
    number(column);
  };
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    if (sweep % 2 === 0) for (let l = 1; l < columns.length; l += 1) sort(columns[l], before);
    else for (let l = columns.length - 2; l >= 0; l -= 1) sort(columns[l], after);
  }
}

/** Heights: pulled to the mean of the neighbours, in order, never closer than a row. */
function rowsOf(columns, links) {
  const { before, after } = neighboursOf(columns, links);
  const y = new Map();
  const step = (v) => (typeof v === 'number' ? NODE_HEIGHT + ROW_GAP : ROW_GAP);
  for (const column of columns) {
    let top = 0;
    for (const v of column) {
      y.set(v, top);
      top += step(v);
    }
  }
  const pull = (column, neighbours) => {
    const wish = column.map((v) => {
      const around = neighbours.get(v);
      return around.length === 0 ? y.get(v) : around.reduce((sum, w) => sum + y.get(w), 0) / around.length;
    });
    placeInOrder(column, wish, y, step);
  };
  for (let sweep = 0; sweep < 6; sweep += 1) {
    if (sweep % 2 === 0) for (let l = 1; l < columns.length; l += 1) pull(columns[l], before);
    else for (let l = columns.length - 2; l >= 0; l -= 1) pull(columns[l], after);
  }
  const top = Math.min(0, ...y.values());
  let least = Infinity;
  for (const value of y.values()) least = Math.min(least, value);
  for (const [v, value] of y) y.set(v, value - (Number.isFinite(least) ? least : top));
  return y;
}

/** Blocks that would overlap become one, its middle where its members wish to be (pool adjacent violators). */
function placeInOrder(column, wish, y, step) {
  const blocks = [];
  column.forEach((v, i) => {
    let block = { members: [v], size: step(v), sum: wish[i], weight: 1, offset: [0] };
    block.at = wish[i];
    while (blocks.length > 0 && blocks.at(-1).at + blocks.at(-1).size > block.at) {
      const above = blocks.pop();
      const members = above.members.concat(block.members);
      const offset = above.offset.concat(block.offset.map((o) => o + above.size));
      const sum = above.sum + block.sum - block.weight * above.size;
      const weight = above.weight + block.weight;
      block = { members, offset, size: above.size + block.size, sum, weight, at: sum / weight };
    }
    blocks.push(block);
  });
  for (const block of blocks) block.members.forEach((v, i) => y.set(v, block.at + block.offset[i]));
}

function pathOf({ way }, layer, left, widths, y, nodes) {
  const middle = (v) => y.get(v) + NODE_HEIGHT / 2;
  let x = left[layer[way[0]]] + nodes[way[0]].width;
  let d = `M${round(x)},${round(middle(way[0]))}`;
  way.slice(1).forEach((v, i) => {
    const l = layer[way[0]] + 1 + i;
    const to = left[l];
    const bend = (x + to) / 2;
    d += `C${round(bend)},${round(middle(way[i]))} ${round(bend)},${round(middle(v))} ${round(to)},${round(middle(v))}`;
    x = to;
    if (typeof v !== 'number') {
      x = to + widths[l];
      d += `H${round(x)}`;
    }
  });
  return d;
}

function round(value) {
  return Math.round(value * 10) / 10;
}
