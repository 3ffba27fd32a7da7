// Which page is shown: reads the address behind #, asks the API, follows the stream of changes, sends what a person
// with the token asks for.
'use strict';

const main = document.getElementById('main');
const link = document.getElementById('link');
const said = document.getElementById('said');
let token = stored();
let canAct = false;
let hasDocs = false;
let known = false;
/** Rises with each page: what an earlier one still waits for is dropped. */
let turn = 0;
let stream = null;
/** Ends what the page that is left has started. */
let leave = () => {};

function stored(value) {
  try {
    if (value !== undefined) sessionStorage.setItem('token', value);
    return sessionStorage.getItem('token') || null;
  } catch {
    return value ?? null;
  }
}

async function ask(path) {
  const answer = await fetch(`api/${path}`);
  const value = await answer.json().catch(() => ({ error: answer.statusText }));
  if (!answer.ok) throw Object.assign(new Error(value.error), { status: answer.status });
  if (value.now !== undefined) setClock(value.now);
  return value;
}

/** What every page needs to know once. */
function learn(data) {
  canAct = data.canAct;
  hasDocs = data.hasDocs;
  tokenButton.hidden = !canAct;
  document.getElementById('docs').hidden = !hasDocs;
  known = true;
}

function say(text) {
  said.textContent = text;
}

// ---- the stream ----

/** One stream a page: `about` says of which run and node it tells more. */
function follow(about, take, again) {
  stream?.close();
  const query = new URLSearchParams(Object.entries(about).filter(([, value]) => value !== null));
  const source = new EventSource(`api/events?${query}`);
  let opened = false;
  const state = (name, text) => {
    link.dataset.state = name;
    link.textContent = text;
  };
  source.onopen = () => {
    state('live', 'live');
    // What happened while the connection was away is asked for.
    if (opened) again();
    opened = true;
  };
  source.onerror = () => {
    if (stream !== source) return;
    state('away', 'no connection');
    // The browser tries again by itself, unless the answer was a refusal: then its reason is shown.
    if (source.readyState === EventSource.CLOSED) ask('now').catch(failed);
  };
  source.onmessage = ({ data }) => {
    const changes = JSON.parse(data);
    if (changes.some(({ kind }) => kind === 'reload')) return again();
    for (const { kind, job, state: end } of changes) if (kind === 'ended') say(`${job}: ${end}`);
    take(changes);
  };
  stream = source;
}

/** Calls no more often than once in `ms`, and a last time. */
function calmed(act, ms) {
  let timer = null;
  return () => {
    timer ??= setTimeout(() => {
      timer = null;
      act();
    }, ms);
  };
}

// ---- what a person may do ----

const dialog = document.getElementById('ask');
const tokenButton = document.getElementById('token');

function askToken() {
  const given = document.getElementById('given');
  given.value = '';
  dialog.showModal();
  return new Promise((done) => {
    dialog.onclose = () => {
      if (dialog.returnValue === 'ok' && given.value !== '') token = stored(given.value);
      done(token !== null && dialog.returnValue === 'ok');
      dialog.returnValue = '';
    };
  });
}

async function act(job, action) {
  if (token === null && !(await askToken())) return;
  const headers = { authorization: `Bearer ${token}` };
  const answer = await fetch(`api/jobs/${encodeURIComponent(job)}/${action}`, { method: 'POST', headers });
  if (answer.status === 401) {
    token = stored('') ?? null;
    say('The token is wrong.');
    if (await askToken()) await act(job, action);
    return;
  }
  const value = await answer.json().catch(() => ({}));
  say(answer.ok ? `${job}: ${action}` : (value.error ?? 'It did not work.'));
  await route();
}

// ---- pages ----

const PAGES = {
  async ''() {
    const draw = async (mine) => {
      const data = await ask('now');
      learn(data);
      if (mine === turn) show(nowView(data, canAct ? act : null));
    };
    const mine = turn;
    const redraw = calmed(() => mine === turn && draw(mine).catch(failed), 500);
    follow(
      {},
      (changes) => {
        for (const change of changes)
          if (change.kind !== 'progress') redraw();
          else {
            const card = main.querySelector(`[data-run="${CSS.escape(change.runId)}"]`);
            if (card === null) redraw();
            else {
              card.querySelector('.count').textContent = countText(change);
              card.querySelector('progress').max = change.total ?? Math.max(1, change.done);
              card.querySelector('progress').value = change.done;
            }
          }
      },
      redraw,
    );
    // Next times pass without an event where another host runs the job.
    const timer = setInterval(() => document.hidden || redraw(), 30_000);
    leave = () => clearInterval(timer);
    await draw(mine);
  },

  async runs(job = '', state = '') {
    const mine = turn;
    const shown = { job, state, jobs: [], runs: [], leftOut: [], next: null };
    let pages = 0;
    const more = async () => {
      const query = new URLSearchParams({ limit: 50 });
      if (shown.job !== '') query.set('job', shown.job);
      if (shown.state !== '') query.set('state', shown.state);
      if (shown.next !== null) query.set('before', shown.next);
      const { runs, leftOut, next } = await ask(`runs?${query}`);
      const known = new Set(shown.runs.map(({ id }) => id));
      const fresh = runs.filter(({ id }) => !known.has(id));
      shown.runs.push(...fresh);
      shown.leftOut.push(...leftOut);
      shown.next = fresh.length + leftOut.length === 0 ? null : next;
      pages += 1;
    };
    const draw = () => {
      const onMore = () =>
        more()
          .then(draw)
          .then(() => document.getElementById('older')?.focus())
          .catch(failed);
      const onFilter = (name, value) => {
        const { job: j, state: s } = { ...shown, [name]: value };
        location.hash = `#/runs/${encodeURIComponent(j)}/${s}`;
      };
      if (mine === turn) show(runsView(shown, onFilter, onMore));
    };
    const [{ jobs }] = await Promise.all([ask('now'), more()]);
    // The next page may have begun meanwhile: the stream and the timer are its own.
    if (mine !== turn) return;
    shown.jobs = jobs.map(({ name }) => name);
    // Who has gone to older runs, or is about to choose, is left where he is.
    const renew = calmed(() => {
      if (mine !== turn || pages > 1 || document.activeElement?.tagName === 'SELECT') return;
      pages = 0;
      Object.assign(shown, { runs: [], leftOut: [], next: null });
      more().then(draw).catch(failed);
    }, 1000);
    const isNews = ({ kind }) => kind === 'started' || kind === 'ended' || kind === 'left_out';
    follow({}, (changes) => changes.some(isNews) && renew(), renew);
    const timer = setInterval(() => document.hidden || renew(), 30_000);
    leave = () => clearInterval(timer);
    draw();
  },

  async run(id, uniqueId) {
    return uniqueId === undefined ? runPage(id) : stepPage(id, uniqueId);
  },

  async node(id) {
    const mine = turn;
    const data = await ask(`nodes/${encodeURIComponent(id)}`);
    if (mine !== turn) return;
    follow(
      {},
      () => {},
      () => {},
    );
    show(nodeView(id, data, hasDocs));
  },

  promises: () => kept('promises', promisesView, 15_000),
  loaders: () => kept('loaders', loadersView, 3000),
};

/** A page that is asked for again each `ms`. */
async function kept(path, view, ms) {
  const mine = turn;
  const draw = async () => {
    const data = await ask(path);
    if (mine === turn) show(view(data));
  };
  const timer = setInterval(() => document.hidden || draw().catch(failed), ms);
  leave = () => clearInterval(timer);
  follow(
    {},
    () => {},
    () => {},
  );
  await draw();
}

async function runPage(id) {
  const mine = turn;
  const gantt = new Gantt((node) => stepLink(id, node.id));
  const nodes = new Map();
  let run = null;
  let wanted = '';
  const put = (node) => {
    nodes.set(node.id, node);
    gantt.put(node);
  };
  const filter = h('input', {
    type: 'search',
    on: { input: ({ target }) => ((wanted = target.value.trim()), table()) },
  });
  const list = h('div');
  const table = () => list.replaceChildren(nodesTable(id, [...nodes.values()], wanted));
  const draw = async () => {
    const data = await ask(`runs/${encodeURIComponent(id)}`);
    if (mine !== turn) return;
    run = data.run;
    for (const node of data.nodes) put(node);
    show(runView(data, gantt));
    const box = document.getElementById('nodes');
    box.append(h('div', { class: 'tools' }, h('label', {}, 'Find a node', filter)), list);
    table();
    gantt.scale();
  };
  const later = calmed(() => mine === turn && (table(), gantt.scale()), 700);
  const again = calmed(() => mine === turn && draw().catch(failed), 300);
  follow(
    { run: id },
    (changes) => {
      for (const change of changes) {
        if (change.runId !== id) continue;
        if (change.kind === 'node') put(change.node);
        else if (change.kind === 'total' && run !== null) run.total = change.total;
        else if (change.kind === 'ended') again();
      }
      const done = [...nodes.values()].filter(({ status }) => status !== 'running').length;
      const count = main.querySelector('.count');
      if (count !== null && run !== null) count.textContent = countText({ total: run.total, done });
      gantt.scale();
      later();
    },
    again,
  );
  const timer = setInterval(() => document.hidden || (gantt.running && gantt.scale()), 1000);
  leave = () => clearInterval(timer);
  await draw();
}

async function stepPage(id, uniqueId) {
  const mine = turn;
  const draw = async () => {
    const data = await ask(`runs/${encodeURIComponent(id)}/nodes/${encodeURIComponent(uniqueId)}`);
    if (mine === turn) show(stepView(id, data, hasDocs));
  };
  const again = calmed(() => mine === turn && draw().catch(failed), 300);
  follow(
    { run: id, node: uniqueId },
    (changes) => {
      const log = document.getElementById('log');
      const atEnd = log !== null && log.scrollTop + log.clientHeight >= log.scrollHeight - 4;
      for (const change of changes) {
        if (change.kind === 'line' && log !== null) log.append(`${log.textContent === '' ? '' : '\n'}${change.line}`);
        else if (change.kind === 'node' && change.node.id === uniqueId) again();
      }
      if (atEnd) log.scrollTop = log.scrollHeight;
    },
    again,
  );
  await draw();
}

/** Puts a page in the place of the one before; focus and place stay where they were. */
function show(view) {
  const { activeElement } = document;
  const label = main.contains(activeElement) ? activeElement.getAttribute('aria-label') : null;
  main.replaceChildren(view);
  if (label !== null && document.activeElement !== activeElement)
    main.querySelector(`[aria-label="${CSS.escape(label)}"]`)?.focus({ preventScroll: true });
}

function failed(error) {
  const text = error.status === undefined ? 'serve does not answer.' : error.message;
  if (main.querySelector('.loading') !== null || [401, 404].includes(error.status) || main.querySelector('h1') === null)
    show(page(h('h1', {}, error.status === 404 ? 'Not here' : 'It did not work'), h('p', {}, text)));
  say(text);
}

async function route() {
  turn += 1;
  const mine = turn;
  leave();
  leave = () => {};
  const [, where = '', ...rest] = location.hash.split('/');
  const names = rest.map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
  for (const tool of document.querySelectorAll('[data-page]'))
    if (tool.dataset.page === where) tool.setAttribute('aria-current', 'page');
    else tool.removeAttribute('aria-current');
  try {
    if (!known && PAGES[where] && where !== '') learn(await ask('now'));
    if (mine !== turn) return;
    await (PAGES[where] ?? PAGES[''])(...names);
  } catch (error) {
    if (mine === turn) failed(error);
  }
  const title = main.querySelector('h1')?.textContent ?? '';
  document.title = `${title} · ${document.querySelector('.brand').textContent}`;
}

tokenButton.addEventListener('click', () => askToken());
window.addEventListener('hashchange', () => {
  main.scrollTop = 0;
  route().then(() => main.focus({ preventScroll: true }));
});
route();
