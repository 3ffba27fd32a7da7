// Draws a laid out graph as SVG and lets a person move it: wheel and pinch zoom, drag pans, a click picks a node and
// lights what it comes from and what comes from it; arrow keys go from node to node. Leaves places to layout.js and
// pages to app.js.
'use strict';

const SVG = 'http://www.w3.org/2000/svg';
/** Below this scale labels are unreadable and only slow. */
const LABELS_FROM = 0.34;

function svgElement(name, attributes, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

const textWidth = (() => {
  const pen = document.createElement('canvas').getContext('2d');
  pen.font = '12.5px system-ui, sans-serif';
  return (text) => pen.measureText(text).width;
})();

const shortName = (name) => (name.length > 44 ? `${name.slice(0, 30)}…${name.slice(-12)}` : name);

/**
 * @param {HTMLElement} box filled with the drawing
 * @param {number[]} ids positions in `items`
 * @param {{
 *   here?: number, onPick: (id: number | null) => void, onOpen: (id: number) => void, pickOnClick: boolean,
 * }} options
 * @returns {{ pick(id: number | null): void }}
 */
function drawGraph(box, items, ids, options) {
  const shown = new Set(ids);
  const nodes = ids.map((id) => ({ id, width: Math.ceil(textWidth(shortName(items[id].name))) + 28 }));
  const edges = ids.flatMap((id) => items[id].parents.filter((p) => shown.has(p)).map((p) => [p, id]));
  const { at, paths, width, height } = layoutGraph(nodes, edges);
  const world = svgElement('g', {});
  const lines = svgElement('g', {});
  const boxes = svgElement('g', {});
  const edgeOf = paths.map(({ from, to, d }) => {
    const line = svgElement('path', { class: 'edge', d });
    lines.append(line);
    return { from, to, line };
  });
  const nodeOf = new Map();
  for (const { id } of nodes) {
    const place = at.get(id);
    const item = items[id];
    const label = svgElement('text', { x: 16, y: NODE_HEIGHT / 2 });
    label.textContent = shortName(item.name);
    const title = svgElement('title', {});
    title.textContent = `${item.kind} ${item.name}`;
    const node = svgElement(
      'g',
      {
        class: id === options.here ? 'node here' : 'node',
        transform: `translate(${place.x},${place.y})`,
        style: `--kind: ${item.color ? cssColour(item.color) : `var(--${kindColour(item.kind)})`}`,
        'data-id': id,
      },
      svgElement('rect', { width: place.width, height: NODE_HEIGHT, rx: 7 }),
      svgElement('rect', { class: 'bar-of-kind', x: 5, y: 8, width: 4, height: NODE_HEIGHT - 16, rx: 2 }),
      label,
      title,
    );
    nodeOf.set(id, node);
    boxes.append(node);
  }
  world.append(lines, boxes);
  const svg = svgElement(
    'svg',
    {
      class: ids.length >= DENSE_FROM ? 'dense' : '',
      role: 'img',
      tabindex: 0,
      'aria-label': `Graph of ${ids.length} nodes. Arrow keys go from node to node, Enter opens one.`,
    },
    world,
  );
  box.prepend(svg);
  const view = moveable(svg, world, { width, height }, () => box.querySelector('.panel')?.offsetHeight ?? 0);
  let reached = null;
  const goTo = (id) => {
    nodeOf.get(reached)?.classList.remove('reached');
    reached = id;
    nodeOf.get(id)?.classList.add('reached');
    if (id !== null) {
      const place = at.get(id);
      view.show(place.x + place.width / 2, place.y + NODE_HEIGHT / 2);
    }
    options.onPick(id);
  };
  svg.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key.startsWith('Arrow')) {
      const start = nodeOf.has(options.here) ? options.here : (ids[0] ?? null);
      goTo(reached === null ? start : (nextNode(at, items, reached, event.key) ?? reached));
    } else if (event.key === 'Enter' && reached !== null) options.onOpen(reached);
    else if (event.key === 'Escape') goTo(null);
    else if (event.key === '+' || event.key === '-') view.zoom(event.key === '+' ? 1.35 : 1 / 1.35);
    else return;
    event.preventDefault();
  });
  svg.addEventListener('click', (event) => {
    if (view.moved()) return;
    const node = event.target.closest('.node');
    if (node && !options.pickOnClick) options.onOpen(Number(node.dataset.id));
    else options.onPick(node ? Number(node.dataset.id) : null);
  });
  svg.addEventListener('dblclick', (event) => {
    const node = event.target.closest('.node');
    if (node) options.onOpen(Number(node.dataset.id));
  });
  const zoom = document.createElement('div');
  zoom.className = 'zoom';
  for (const [sign, title, act] of [
    ['+', 'Larger', () => view.zoom(1.35)],
    ['−', 'Smaller', () => view.zoom(1 / 1.35)],
    ['⤢', 'All of it', () => view.fit()],
  ]) {
    const button = document.createElement('button');
    button.textContent = sign;
    button.title = title;
    button.addEventListener('click', act);
    zoom.append(button);
  }
  box.append(zoom);
  return {
    pick(id) {
      for (const element of svg.querySelectorAll('.lit')) element.classList.remove('lit');
      svg.classList.toggle('picked', id !== null);
      if (id === null || !nodeOf.has(id)) return;
      const lit = reach(items, id);
      for (const other of lit) nodeOf.get(other)?.classList.add('lit');
      for (const { from, to, line } of edgeOf) if (lit.has(from) && lit.has(to)) line.classList.add('lit');
    },
    centre(id) {
      const place = at.get(id);
      if (place) view.centre(place.x + place.width / 2, place.y + NODE_HEIGHT / 2);
    },
  };
}

/** Where an arrow key leads: left and right along the flattest edge, up and down to the next node; null: nowhere. */
function nextNode(at, items, from, key) {
  const here = at.get(from);
  const along = { ArrowLeft: items[from].parents, ArrowRight: items[from].children }[key];
  const sign = key === 'ArrowUp' ? -1 : 1;
  let best = null;
  let least = Infinity;
  for (const id of along ?? at.keys()) {
    const place = at.get(id);
    if (place === undefined || id === from) continue;
    const down = (place.y - here.y) * sign;
    const far = along ? Math.abs(down) : down > 0 ? down + 8 * Math.abs(place.x - here.x) : Infinity;
    if (far < least) [best, least] = [id, far];
  }
  return best;
}

/** A node with all of its ancestors and descendants; `steps` limits how far. */
function reach(items, id, steps = Infinity) {
  const found = new Set([id]);
  for (const side of ['parents', 'children']) {
    let edge = [id];
    for (let step = 0; edge.length > 0 && step < steps; step += 1) {
      const next = [];
      for (const v of edge) {
        for (const w of items[v][side]) {
          if (!items[w].graph || found.has(w)) continue;
          found.add(w);
          next.push(w);
        }
      }
      edge = next;
    }
  }
  return found;
}

const KINDS = ['source', 'seed', 'model', 'snapshot', 'test', 'exposure', 'analysis', 'macro', 'metric', 'function'];
const kindColour = (kind) =>
  KINDS.includes(kind) ? kind : kind === 'semantic_model' || kind === 'saved_query' ? 'metric' : 'analysis';
const cssColour = (colour) => (/^[#\w(), .%-]+$/.test(colour) ? colour : 'var(--model)');

/** Pan and zoom by a transform of `world`. @param covered how much of the top something else lies on */
function moveable(svg, world, size, covered) {
  let scale = 1;
  let x = 0;
  let y = 0;
  let travelled = 0;
  const pointers = new Map();
  const apply = () => {
    world.setAttribute('transform', `translate(${x},${y}) scale(${scale})`);
    svg.classList.toggle('far', scale < LABELS_FROM);
  };
  const zoomAt = (factor, px, py) => {
    const next = Math.min(3, Math.max(0.02, scale * factor));
    x = px - ((px - x) * next) / scale;
    y = py - ((py - y) * next) / scale;
    scale = next;
    apply();
  };
  const fit = () => {
    const { clientWidth: w, clientHeight: h } = svg;
    if (w === 0) return;
    const top = covered();
    const [wide, high] = [(w - 60) / Math.max(1, size.width), (h - top - 60) / Math.max(1, size.height)];
    scale = Math.max(0.02, Math.min(1.15, wide, high));
    x = (w - size.width * scale) / 2;
    y = (h + top - size.height * scale) / 2;
    apply();
  };
  const local = (event) => {
    const box = svg.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  svg.addEventListener(
    'wheel',
    (event) => {
      event.preventDefault();
      zoomAt(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0016)), ...local(event));
    },
    { passive: false },
  );
  svg.addEventListener('pointerdown', (event) => {
    if (pointers.size === 0) travelled = 0;
    pointers.set(event.pointerId, local(event));
  });
  window.addEventListener('pointermove', (event) => {
    const before = pointers.get(event.pointerId);
    if (!before || !svg.isConnected) return;
    const now = local(event);
    const others = [...pointers].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
    if (others.length > 0) {
      const [ox, oy] = others[0];
      zoomAt(
        Math.hypot(now[0] - ox, now[1] - oy) / Math.max(1, Math.hypot(before[0] - ox, before[1] - oy)),
        (now[0] + ox) / 2,
        (now[1] + oy) / 2,
      );
    } else {
      x += now[0] - before[0];
      y += now[1] - before[1];
      apply();
    }
    travelled += Math.hypot(now[0] - before[0], now[1] - before[1]);
    if (travelled > 5) svg.classList.add('moving');
    pointers.set(event.pointerId, now);
  });
  for (const end of ['pointerup', 'pointercancel']) {
    window.addEventListener(end, (event) => {
      pointers.delete(event.pointerId);
      svg.classList.remove('moving');
    });
  }
  requestAnimationFrame(fit);
  return {
    fit,
    zoom: (factor) => zoomAt(factor, svg.clientWidth / 2, svg.clientHeight / 2),
    moved: () => travelled > 5,
    /** Moves the place into sight, large enough to be read. */
    show(px, py) {
      scale = Math.max(scale, 0.6);
      const { clientWidth: w, clientHeight: h } = svg;
      const [left, top] = [x + px * scale, y + py * scale];
      if (left < 90 || left > w - 90) x = w / 2 - px * scale;
      if (top < covered() + 40 || top > h - 40) y = (h + covered()) / 2 - py * scale;
      apply();
    },
    centre(px, py) {
      requestAnimationFrame(() => {
        scale = Math.max(scale, 0.9);
        x = svg.clientWidth / 2 - px * scale;
        y = svg.clientHeight / 2 - py * scale;
        apply();
      });
    },
  };
}
