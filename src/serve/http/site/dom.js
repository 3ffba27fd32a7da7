// Elements, times and states: what the views are made of. Texts become text nodes, never HTML.
'use strict';

/** h('a', { href, class, on: { click } }, 'text', element, null): an element. A value of null or false is left out. */
function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === 'on') for (const [event, act] of Object.entries(value)) element.addEventListener(event, act);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(
    ...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false),
  );
  return element;
}

/** How each state looks and is said: a sign beside the colour, for who sees none. */
const STATES = {
  success: ['good', '✓'],
  pass: ['good', '✓'],
  kept: ['good', '✓'],
  running: ['busy', '▸'],
  failed: ['bad', '✗'],
  fail: ['bad', '✗'],
  error: ['bad', '✗'],
  'runtime error': ['bad', '✗'],
  broken: ['bad', '✗'],
  timeout: ['bad', '⏱'],
  lost: ['bad', '?'],
  warn: ['warn', '!'],
  breaking: ['warn', '!'],
  'partial success': ['warn', '!'],
  skipped: ['idle', '–'],
  cancelled: ['idle', '–'],
  paused: ['idle', '‖'],
  'no-op': ['idle', '–'],
  reused: ['idle', '↺'],
  unknown: ['idle', '?'],
};
const kindOf = (state) => (STATES[state] ?? STATES.unknown)[0];
const isBad = (state) => ['bad', 'warn'].includes(kindOf(state));
const stateOf = (state, text = state) =>
  h('span', { class: `state ${kindOf(state)}`, 'data-sign': (STATES[state] ?? STATES.unknown)[1] }, text);

// ---- times, by the clock of the host ----

let ahead = 0;
const setClock = (now) => {
  ahead = now - Date.now();
};
const now = () => Date.now() + ahead;

/** 850 ms, 4.2 s, 3 min 20 s, 2 h 5 min, 3 days. */
function duration(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  const s = Math.round(ms / 1000);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min${s % 60 && s < 600 ? ` ${s % 60} s` : ''}`;
  const min = Math.round(s / 60);
  if (min < 48 * 60) return `${Math.floor(min / 60)} h${min % 60 ? ` ${min % 60} min` : ''}`;
  return `${Math.round(min / 1440)} days`;
}

function relative(at) {
  const ms = at - now();
  if (Math.abs(ms) < 1500) return 'now';
  const text = duration(Math.abs(ms) < 10_000 ? Math.round(Math.abs(ms) / 1000) * 1000 : Math.abs(ms));
  return ms > 0 ? `in ${text.replace('.0 s', ' s')}` : `${text.replace('.0 s', ' s')} ago`;
}

/** A moment that is told anew each second. */
function moment(at) {
  if (at === null || at === undefined) return h('span', { class: 'none' }, '–');
  const date = new Date(at);
  return h('time', { datetime: date.toISOString(), title: date.toLocaleString(), 'data-at': at }, relative(at));
}

setInterval(() => {
  if (document.hidden) return;
  for (const element of document.querySelectorAll('time[data-at]')) {
    const text = relative(Number(element.dataset.at));
    if (element.textContent !== text) element.textContent = text;
  }
}, 1000);

// ---- tables ----

/** A cell is its content, or [content, 'classes']. heads and each of rows are lists of cells. */
function tableOf(label, heads, rows) {
  const cell = (tag, given, more = {}) => {
    const classed = Array.isArray(given) && given.length === 2 && typeof given[1] === 'string';
    const [content, classes] = classed ? given : [given, null];
    return h(tag, { class: classes, ...more }, content);
  };
  return h(
    'div',
    { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': label },
    h(
      'table',
      {},
      h('thead', {}, h('tr', {}, ...heads.map((head) => cell('th', head, { scope: 'col' })))),
      h('tbody', {}, ...rows.map((row) => h('tr', {}, ...row.map((given) => cell('td', given))))),
    ),
  );
}

/** Rows behind a button, some at a time, so that thousands cost nothing before somebody asks. */
function pagedTable(label, heads, rows, size = 100) {
  const box = h('div');
  let shown = size;
  const draw = () => {
    const rest = rows.length - shown;
    const more = h('button', { class: 'plain more', on: { click: () => ((shown += size), draw()) } }, `${rest} more`);
    box.replaceChildren(
      tableOf(
        label,
        heads,
        rows.slice(0, shown).map((row) => row()),
      ),
      ...(rest > 0 ? [more] : []),
    );
  };
  draw();
  return box;
}

/** `model.shop.orders` as `orders`; a test keeps its long name without the hash. */
function shortName(id) {
  const [kind, , ...rest] = id.split('.');
  if (kind === 'source') return rest.join('.');
  return kind === 'test' && rest.length > 1 ? rest.slice(0, -1).join('.') : rest.join('.') || id;
}

const numberText = (value) => (value === null || value === undefined ? '' : Number(value).toLocaleString('en'));
