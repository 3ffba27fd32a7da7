// The page itself: reads the data, fills the list at the side, searches, and shows the page that the address after `#`
// names.
'use strict';

const data = JSON.parse(document.getElementById('data').textContent);
const items = data.items;
const byId = new Map(items.map((item, i) => [item.id, i]));
const main = document.getElementById('main');
const side = document.getElementById('side');
const tree = document.getElementById('tree');
const TITLES = {
  source: 'Sources',
  seed: 'Seeds',
  model: 'Models',
  snapshot: 'Snapshots',
  test: 'Singular tests',
  exposure: 'Exposures',
  analysis: 'Analyses',
  macro: 'Macros',
  metric: 'Metrics',
  semantic_model: 'Semantic models',
  saved_query: 'Saved queries',
  function: 'Functions',
};
const kindsPresent = Object.keys(TITLES).filter((kind) => items.some((item) => item.kind === kind));
const colourOf = (item) => `--kind: ${item.color ? cssColour(item.color) : `var(--${kindColour(item.kind)})`}`;
const linkTo = (i) => `#/item/${encodeURIComponent(items[i].id)}`;
const columnLink = (i, column) => `${linkTo(i)}${column === null ? '' : `/${encodeURIComponent(column)}`}`;
const lineage = new ColumnLineage(items);
const hasLineage = lineage.known;
const itemLink = (i) => `<a href="${linkTo(i)}" style="${colourOf(items[i])}">${escapeHtml(items[i].name)}</a>`;

// ---- the list at the side ----

/** A tree of folders: Map of name → Map, or item position. */
function grow(paths) {
  const root = new Map();
  for (const [path, i] of paths) {
    let folder = root;
    for (const name of path) {
      if (!folder.has(name)) folder.set(name, new Map());
      folder = folder.get(name);
    }
    folder.set(`\u0000${i}`, i);
  }
  return root;
}

function projectTree() {
  return grow(
    items.map((item, i) => {
      const folders = item.file.split('/').slice(0, -1);
      const top = folders.length > 0 ? folders : [TITLES[item.kind] ?? item.kind];
      if (item.kind === 'source') return [[item.package, 'sources', item.name.split('.')[0]], i];
      if (item.kind === 'exposure') return [[item.package, 'exposures'], i];
      return [[item.package, ...top], i];
    }),
  );
}

function databaseTree() {
  return grow(
    items.flatMap((item, i) =>
      item.relation ? [[[item.relation.database || 'database', item.relation.schema], i]] : [],
    ),
  );
}

function countIn(folder) {
  let count = 0;
  for (const value of folder.values()) count += value instanceof Map ? countIn(value) : 1;
  return count;
}

/** Folders are filled when they are opened, so that thousands of items cost nothing before. */
function fillTree(parent, folder, open, byName) {
  const entries = [...folder].sort(([a, x], [b, y]) =>
    x instanceof Map === y instanceof Map
      ? labelOf(a, x, byName).localeCompare(labelOf(b, y, byName))
      : x instanceof Map
        ? -1
        : 1,
  );
  for (const [name, value] of entries) {
    if (value instanceof Map) {
      const details = document.createElement('details');
      const summary = document.createElement('summary');
      summary.innerHTML = `${escapeHtml(name)}<span>${countIn(value)}</span>`;
      const inside = document.createElement('div');
      details.append(summary, inside);
      const fill = () => {
        if (inside.childElementCount === 0) fillTree(inside, value, Math.max(0, open - 1), byName);
      };
      details.addEventListener('toggle', () => {
        if (details.open) fill();
      });
      details.fill = fill;
      details.folder = value;
      if (open > 0) {
        fill();
        details.open = true;
      }
      parent.append(details);
    } else {
      const link = document.createElement('a');
      link.href = linkTo(value);
      link.style.cssText = colourOf(items[value]);
      link.textContent = labelOf(name, value, byName);
      link.title = items[value].id;
      link.dataset.item = value;
      parent.append(link);
    }
  }
}

function labelOf(name, value, byName) {
  if (value instanceof Map) return name;
  const item = items[value];
  return byName ? item.relation.name : item.kind === 'source' ? item.name.slice(item.name.indexOf('.') + 1) : item.name;
}

function showTree(tab) {
  for (const button of side.querySelectorAll('[data-tab]'))
    button.setAttribute('aria-selected', String(button.dataset.tab === tab));
  tree.textContent = '';
  const small = items.length <= 80;
  fillTree(
    tree,
    tab === 'project' ? projectTree() : databaseTree(),
    small ? 9 : tab === 'project' ? 1 : 1,
    tab === 'database',
  );
  markInTree(current);
}

/** Opens the folders down to an item and marks it. */
function markInTree(id) {
  for (const link of tree.querySelectorAll('a.on')) link.classList.remove('on');
  if (id === null) return;
  const holds = (folder) => [...folder.values()].some((v) => (v instanceof Map ? holds(v) : v === id));
  const openTo = (parent) => {
    for (const details of parent.querySelectorAll(':scope > details')) {
      if (!holds(details.folder)) continue;
      details.fill();
      details.open = true;
      openTo(details.querySelector(':scope > div'));
    }
  };
  openTo(tree);
  const link = tree.querySelector(`a[data-item="${id}"]`);
  link?.classList.add('on');
  link?.scrollIntoView({ block: 'nearest' });
}

// ---- pages ----

function overviewPage() {
  const counts = kindsPresent.map((kind) => {
    const count = items.filter((item) => item.kind === kind).length;
    const style = `--kind: var(--${kindColour(kind)})`;
    return `<a href="#/list/${kind}" style="${style}"><b>${count}</b>${escapeHtml(TITLES[kind])}</a>`;
  });
  const graphSize = items.filter((item) => item.graph).length;
  const made = `${escapeHtml(data.generated.slice(0, 16).replace('T', ' '))} UTC`;
  const title = data.overview
    ? `<h1 class="unseen">${escapeHtml(data.project)}</h1>` +
      `<div class="text overview">${markdown(data.overview)}</div>`
    : `<h1>${escapeHtml(data.project)}</h1>`;
  const lineage = '<h2>Lineage</h2><div class="lineage" style="height: 380px"></div>';
  main.innerHTML = `<div class="page">
    ${title}
    <div class="counts">${counts.join('')}</div>
    ${graphSize > 0 && graphSize <= WHOLE_GRAPH ? lineage : ''}
    <p class="foot">Generated ${made} by tsdbt ${escapeHtml(data.version)} for ${escapeHtml(data.adapter)}</p></div>`;
  const box = main.querySelector('.lineage');
  if (box) drawGraph(box, items, graphIds(), { pickOnClick: false, onPick() {}, onOpen: open });
}

function listPage(kind) {
  const ids = items
    .flatMap((item, i) => (item.kind === kind ? [i] : []))
    .sort((a, b) => items[a].name.localeCompare(items[b].name));
  const row = (i) =>
    `<tr><td><a href="${linkTo(i)}">${escapeHtml(items[i].name)}</a></td>` +
    `<td class="type">${escapeHtml(items[i].package)}</td>` +
    `<td>${inlineMarkdown((items[i].description ?? '').split('\n')[0])}</td></tr>`;
  const title = escapeHtml(TITLES[kind] ?? kind);
  main.innerHTML = `<div class="page"><h1>${title} <small class="chip">${ids.length}</small></h1>
    ${tableOf(ids.map(row), '<th>Name</th><th>Package</th><th>Description</th>')}</div>`;
}

function columnsTable(id, columns) {
  const hasTests = columns.some((c) => c.tests.length > 0 || c.constraints.length > 0);
  const tests = (c) => [
    ...c.constraints.map((t) => `<span class="constraint">${escapeHtml(t)}</span>`),
    ...c.tests.map((t) => `<span>${escapeHtml(t)}</span>`),
  ];
  const described = (c) => {
    const found = lineage.described(id, c);
    if (found === null) return '<span class="none">–</span>';
    const text = `<div class="text">${markdown(found.column.description)}</div>`;
    return found.item === id ? text : `${text}<small class="none">from ${itemLink(found.item)}</small>`;
  };
  const named = (c) => {
    const name = `<code>${escapeHtml(c.name)}</code>`;
    return hasLineage ? `<a href="${columnLink(id, c.name)}">${name}</a>` : name;
  };
  const row = (c) =>
    `<tr><td>${named(c)}</td><td class="type">${escapeHtml(c.type)}</td>` +
    `<td>${described(c)}</td>${hasTests ? `<td><div class="tests">${tests(c).join('')}</div></td>` : ''}</tr>`;
  const head = `<th>Column</th><th>Type</th><th>Description</th>${hasTests ? '<th>Constraints, tests</th>' : ''}`;
  return `<h2>Columns <small>${columns.length}</small></h2>${tableOf(columns.map(row), head)}`;
}

function tableOf(rows, head = '') {
  const titles = head === '' ? '' : `<thead><tr>${head}</tr></thead>`;
  return `<div class="scroll" tabindex="0"><table>${titles}<tbody>${rows.join('')}</tbody></table></div>`;
}

/** @param name the column that the address names, or '' */
function itemPage(id, name) {
  const item = items[id];
  const column = hasLineage ? lineage.column(id, name) : undefined;
  const { relation } = item;
  const folders = item.file.split('/');
  const part = [];
  part.push(`<div class="crumbs">${escapeHtml(item.package)} / ${folders.map(escapeHtml).join(' / ')}</div>`);
  const kind = escapeHtml(item.kind.replace('_', ' '));
  part.push(`<h1>${escapeHtml(item.name)} <span class="badge" style="${colourOf(item)}">${kind}</span></h1>`);
  if (relation)
    part.push(
      `<div class="relation"><code>${[relation.database, relation.schema, relation.name]
        .filter(Boolean)
        .map((p) => `"${escapeHtml(p)}"`)
        .join('.')}</code></div>`,
    );
  const live = document.getElementById('live');
  if (live)
    part.push(`<p><a href="${live.getAttribute('href')}#/node/${encodeURIComponent(item.id)}">Its runs</a></p>`);
  if (item.tags.length > 0)
    part.push(`<p>${item.tags.map((t) => `<span class="chip">${escapeHtml(t)}</span>`).join('')}</p>`);
  const value = (v) =>
    /^https?:\/\//.test(v) ? `<a href="${escapeHtml(v)}" rel="noopener">${escapeHtml(v)}</a>` : escapeHtml(v);
  const facts = item.facts.map(([k, v]) => `<div><dt>${escapeHtml(k)}</dt><dd>${value(v)}</dd></div>`);
  if (facts.length > 0) part.push(`<dl class="facts">${facts.join('')}</dl>`);
  part.push(
    '<h2>Description</h2>',
    item.description
      ? `<div class="text">${markdown(item.description)}</div>`
      : '<p class="none">Not described yet.</p>',
  );
  if (item.arguments) {
    const row = (a) =>
      `<tr><td><code>${escapeHtml(a.name)}</code></td><td class="type">${escapeHtml(a.type)}</td>` +
      `<td>${markdown(a.description)}</td></tr>`;
    part.push(`<h2>Arguments</h2>${tableOf(item.arguments.map(row))}`);
  }
  const near = item.graph ? [...reach(items, id, 2)] : [];
  if (near.length > 1)
    part.push(
      `<h2>Lineage <small>two steps · <a href="#/graph/${encodeURIComponent(item.id)}">all of it</a></small></h2>`,
      '<div class="lineage"></div>',
    );
  if (item.columns) part.push(columnsTable(id, item.columns));
  if (column) part.push(columnPart(lineage, items, id, column, columnLink));
  const loose = item.tests ?? [];
  if (loose.length > 0) {
    const row = (t) =>
      `<tr><td>${escapeHtml(t.name)}</td><td class="type">${escapeHtml(t.kind)}</td>` +
      `<td class="type">${t.severity === 'warn' ? 'warns' : ''}</td></tr>`;
    part.push(`<h2>Tests <small>${loose.length}</small></h2>${tableOf(loose.map(row))}`);
  }
  if (item.parents.length + item.children.length > 0) {
    const list = (title, ids) => {
      const links = ids.map((i) => `<li>${itemLink(i)}</li>`).join('') || '<li class="none">nothing</li>';
      return `<div><h3>${title} (${ids.length})</h3><ul>${links}</ul></div>`;
    };
    part.push(
      `<h2>Edges</h2><div class="edges">${list('Depends on', item.parents)}${list('Used by', item.children)}</div>`,
    );
  }
  if (item.source) {
    part.push(
      '<div class="code-head"><h2>Code</h2><button data-code="source" aria-pressed="true">Source</button>',
      item.compiled ? '<button data-code="compiled" aria-pressed="false">Compiled</button>' : '',
      '<button class="copy">Copy</button></div>',
      `<pre class="code" tabindex="0"><code>${colourSql(item.source)}</code></pre>`,
    );
  }
  main.innerHTML = `<div class="page">${part.join('')}</div>`;
  const box = main.querySelector('.lineage:not([data-column])');
  if (box) drawGraph(box, items, near, { here: id, pickOnClick: false, onPick() {}, onOpen: open });
  if (column) {
    const graph = columnGraph(lineage, items, id, column.name);
    const options = { here: id, pickOnClick: false, onPick() {}, onOpen: open };
    drawGraph(main.querySelector('[data-column]'), graph.shown, graph.ids, options);
  }
  const shown = { which: 'source' };
  for (const button of main.querySelectorAll('[data-code]')) {
    button.addEventListener('click', () => {
      shown.which = button.dataset.code;
      for (const other of main.querySelectorAll('[data-code]'))
        other.setAttribute('aria-pressed', String(other === button));
      main.querySelector('.code code').innerHTML = colourSql(item[shown.which]);
    });
  }
  main.querySelector('.copy')?.addEventListener('click', (event) => {
    navigator.clipboard?.writeText(item[shown.which]);
    event.target.textContent = 'Copied';
    setTimeout(() => {
      event.target.textContent = 'Copy';
    }, 1200);
  });
}

/** More boxes than a person can look at; above, the graph opens on one node. */
const WHOLE_GRAPH = 300;
/** The node with the most neighbours: a first look at a project of thousands. */
function busiest(ids) {
  const degree = (i) => items[i].parents.length + items[i].children.length;
  return ids.reduce((best, i) => (best === null || degree(i) > degree(best) ? i : best), null);
}

const graphIds = () =>
  items.flatMap((item, i) => (item.graph && item.kind !== 'test' && item.kind !== 'analysis' ? [i] : []));
const hiddenKinds = new Set(['test', 'analysis']);

/** @param asked the node that the address names. @param whole all nodes, however many */
function graphPage(asked, whole = false) {
  const kinds = kindsPresent.filter((kind) => kind !== 'macro');
  const all = graphIds();
  const focus = asked ?? (all.length > WHOLE_GRAPH && !whole ? busiest(all) : null);
  // Of a node that nearly all others hang on, only its neighbours.
  const around =
    focus === null
      ? null
      : ([Infinity, 3, 2, 1].map((steps) => reach(items, focus, steps)).find((ids) => ids.size <= WHOLE_GRAPH) ??
        new Set([...reach(items, focus, 1)].slice(0, WHOLE_GRAPH)));
  const ids = items.flatMap((item, i) =>
    item.graph && (i === focus || !hiddenKinds.has(item.kind)) && (around === null || around.has(i)) ? [i] : [],
  );
  const shown =
    focus === null
      ? `<b>${ids.length} nodes</b>`
      : `<b>${escapeHtml(items[focus].name)}</b><a class="plain" href="#/graph//all">show all ${all.length}</a>`;
  const box = (kind) =>
    `<label style="--kind: var(--${kindColour(kind)})">` +
    `<input type="checkbox" data-kind="${kind}" ${hiddenKinds.has(kind) ? '' : 'checked'}>` +
    `<i></i>${escapeHtml(TITLES[kind])}</label>`;
  main.innerHTML = `<div class="graph"><h1 class="unseen">Graph</h1><div class="panel">
    ${shown}
    ${kinds.map(box).join('')}
  </div><div class="tip" role="status" hidden></div></div>`;
  const place = main.querySelector('.graph');
  const tip = main.querySelector('.tip');
  const graph = drawGraph(place, items, ids, {
    here: focus ?? undefined,
    pickOnClick: true,
    onOpen: open,
    onPick(id) {
      graph.pick(id);
      tip.hidden = id === null;
      if (id === null) return;
      const item = items[id];
      const lit = reach(items, id).size - 1;
      tip.innerHTML =
        `<span class="badge" style="${colourOf(item)}">${escapeHtml(item.kind)}</span>` +
        `<span><b>${escapeHtml(item.name)}</b><br><small class="relation">${lit} up- and downstream</small></span>` +
        `<a href="${linkTo(id)}">Open</a>` +
        `<a href="#/graph/${encodeURIComponent(item.id)}">Only its lineage</a>`;
    },
  });
  for (const input of main.querySelectorAll('[data-kind]')) {
    input.addEventListener('change', () => {
      if (input.checked) hiddenKinds.delete(input.dataset.kind);
      else hiddenKinds.add(input.dataset.kind);
      graphPage(asked, whole);
    });
  }
}

// ---- search ----

const input = document.getElementById('search');
const hits = document.getElementById('hits');
/** Lower-case texts of an item with the weight of a hit in them. */
const haystacks = items.map((item) => [
  [item.name.toLowerCase(), 100],
  [
    (item.columns ?? [])
      .map((c) => c.name)
      .join(' ')
      .toLowerCase(),
    30,
  ],
  [item.tags.join(' ').toLowerCase(), 25],
  [`${item.id} ${item.file}`.toLowerCase(), 15],
  [(item.description ?? '').toLowerCase(), 10],
  [(item.source ?? '').toLowerCase(), 3],
]);

/** The weight of a word in a text; one letter is forgiven in names and columns, from four letters on. */
function matchOf(word, [text, weight], forgiving) {
  const at = text.indexOf(word);
  if (at >= 0) return weight * (weight === 100 && text === word ? 3 : weight === 100 && at === 0 ? 1.6 : 1);
  if (!forgiving || weight < 30 || word.length < 4) return 0;
  return [text, ...text.split(/[\s._-]+/)].some((part) => isNear(word, part)) ? weight / 4 : 0;
}

/** What holds the words as they are, else with one letter forgiven. */
function find(query) {
  const exact = findBy(query, false);
  return exact.length > 0 ? exact : findBy(query, true);
}

function findBy(query, forgiving) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const found = [];
  haystacks.forEach((texts, i) => {
    let score = 0;
    for (const word of words) {
      const best = Math.max(...texts.map((text) => matchOf(word, text, forgiving)));
      if (best === 0) return;
      score += best;
    }
    found.push([score - items[i].name.length / 100 - (items[i].kind === 'macro' ? 8 : 0), i]);
  });
  return found
    .sort((a, b) => b[0] - a[0])
    .slice(0, 40)
    .map(([, i]) => i);
}

function marked(text, query) {
  const words = query
    .split(/\s+/)
    .filter(Boolean)
    .map((w) => w.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return words.length === 0
    ? escapeHtml(text)
    : text
        .split(new RegExp(`(${words.join('|')})`, 'gi'))
        .map((piece, i) => (i % 2 ? `<mark>${escapeHtml(piece)}</mark>` : escapeHtml(piece)))
        .join('');
}

/** Why an item was found, when its name does not say it. */
function reasonOf(item, query) {
  const word =
    query
      .toLowerCase()
      .split(/\s+/)
      .find((w) => w && !item.name.toLowerCase().includes(w)) ?? '';
  if (word === '') return (item.description ?? item.file).split('\n')[0];
  const column = (item.columns ?? []).find((c) => c.name.toLowerCase().includes(word));
  if (column) return `column ${column.name}${column.description ? `: ${column.description.split('\n')[0]}` : ''}`;
  const line = [item.description ?? '', item.source ?? '']
    .join('\n')
    .split('\n')
    .find((l) => l.toLowerCase().includes(word));
  return (line ?? item.file).trim();
}

function search() {
  const query = input.value.trim();
  hits.hidden = query === '';
  if (query === '') return;
  const found = find(query);
  hits.innerHTML =
    found
      .map(
        (i, n) =>
          `<li><a href="${linkTo(i)}" class="${n === 0 ? 'on' : ''}">` +
          `<span class="badge" style="${colourOf(items[i])}">${escapeHtml(items[i].kind.replace('_', ' '))}</span>` +
          `<span>${marked(items[i].name, query)}</span>` +
          `<small>${marked(reasonOf(items[i], query), query)}</small></a></li>`,
      )
      .join('') || '<li class="none">Nothing found.</li>';
}

input.addEventListener('input', search);
input.addEventListener('focus', search);
input.addEventListener('keydown', (event) => {
  const links = [...hits.querySelectorAll('a')];
  const at = links.findIndex((l) => l.classList.contains('on'));
  if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
    event.preventDefault();
    const next = Math.min(links.length - 1, Math.max(0, at + (event.key === 'ArrowDown' ? 1 : -1)));
    links[at]?.classList.remove('on');
    links[next]?.classList.add('on');
    links[next]?.scrollIntoView({ block: 'nearest' });
  } else if (event.key === 'Enter' && links[at]) {
    location.hash = links[at].getAttribute('href');
    hits.hidden = true;
    main.focus();
  } else if (event.key === 'Escape') {
    input.value = '';
    input.blur();
    hits.hidden = true;
  }
});
hits.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') input.focus();
});
input.parentElement.addEventListener('focusout', (event) => {
  // A click into the hits takes the focus away to nothing before it is done.
  if (event.relatedTarget !== null && !event.relatedTarget.closest('.search')) hits.hidden = true;
});
document.addEventListener('click', (event) => {
  if (!event.target.closest('.search')) hits.hidden = true;
});
document.addEventListener('keydown', (event) => {
  if (
    (event.key === '/' || (event.key === 'k' && (event.ctrlKey || event.metaKey))) &&
    document.activeElement !== input
  ) {
    event.preventDefault();
    input.focus();
    input.select();
  }
});

// ---- address, start ----

let current = null;
const open = (id) => {
  location.hash = linkTo(id);
};

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function route() {
  const [, where = '', what = '', more = ''] = location.hash.split('/');
  const id = byId.get(decoded(what)) ?? null;
  // What is about to be hidden loses the focus to what is shown.
  if ([hits, ...(side.classList.contains('open') ? [side] : [])].some((each) => each.contains(document.activeElement)))
    main.focus();
  current = where === 'item' ? id : null;
  hits.hidden = true;
  side.classList.remove('open');
  if (where === 'graph') graphPage(id, more === 'all');
  else if (where === 'list' && TITLES[what] !== undefined) listPage(what);
  else if (where === 'item' && id !== null) itemPage(id, decoded(more));
  else if (where === 'item' || where === 'list')
    main.innerHTML =
      '<div class="page"><h1>Not here</h1><p>No such page in these docs; it may have been renamed.</p></div>';
  else overviewPage();
  document.title = `${current === null ? data.project : items[current].name} · docs`;
  main.scrollTop = 0;
  document.getElementById('column')?.scrollIntoView();
  markInTree(current);
}

document.getElementById('project').textContent = data.project;
document.getElementById('skip').addEventListener('click', () => main.focus());
document.getElementById('menu').addEventListener('click', () => side.classList.toggle('open'));
for (const button of side.querySelectorAll('[data-tab]'))
  button.addEventListener('click', () => showTree(button.dataset.tab));
window.addEventListener('hashchange', route);
showTree('project');
route();
