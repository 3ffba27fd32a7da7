// The pages: each is given what the API answered, and gives elements. What happens meanwhile is left to app.js.
'use strict';

const runLink = (id) => `#/run/${encodeURIComponent(id)}`;
const nodeLink = (id) => `#/node/${encodeURIComponent(id)}`;
const stepLink = (run, id) => `${runLink(run)}/${encodeURIComponent(id)}`;
const page = (...children) => h('div', { class: 'page' }, ...children);
const facts = (rows) =>
  h(
    'dl',
    { class: 'facts' },
    rows.map(([name, value]) => value !== null && h('div', {}, h('dt', {}, name), h('dd', {}, value))),
  );
const spent = (run) => (run.finishedAt === null ? '' : duration(run.finishedAt - run.startedAt));

const UNREAD = { 'project:broken': 'The project cannot be read', 'jobs:broken': 'jobs.yml cannot be read' };

/** Where more is known of what an incident is about; null: nowhere. */
function incidentLink(key) {
  const [, about = ''] = /^[^:]*:(.*):[^:]*$/.exec(key) ?? [];
  const job = key.startsWith('job:') ? about : /^job\.(.*)/.exec(about)?.[1];
  return job !== undefined ? `#/runs/${encodeURIComponent(job)}` : about.includes('.') ? nodeLink(about) : null;
}

/** A reason begins with its subject: `job fast: it took longer than 10 s`. */
function incidentNotices(incidents) {
  return incidents.map(({ key, reason, openedAt }) => {
    const link = incidentLink(key);
    const [, subject, rest] = (link !== null && /^(\w+ [^:]+): (.*)$/s.exec(reason)) || [null, '', reason];
    const head = UNREAD[key] ?? (link === null ? '' : h('a', { href: link }, subject));
    return h('p', { class: 'notice' }, h('b', {}, head), ' ', rest, ' · found ', moment(openedAt));
  });
}

const unreadNotices = (jobs) =>
  jobs
    .filter(({ unread }) => unread !== null)
    .map(({ name, unread }) =>
      h('p', { class: 'notice' }, h('b', {}, `${name} waits`), ' nobody can tell whether rows have arrived: ', unread),
    );

const notReadyNotices = (reasons) =>
  reasons.map((reason) => h('p', { class: 'notice' }, h('b', {}, 'Not ready'), ' ', reason));

/** @param leftOut due times that were not run, among the runs */
function runRows(runs, leftOut = []) {
  const rows = [
    ...runs.map((run) => [run.startedAt, runRow(run)]),
    ...leftOut.map((times) => [times.last, leftOutRow(times)]),
  ];
  return rows.sort(([a], [b]) => b - a).map(([, row]) => row);
}

function leftOutRow({ job, last, reason }) {
  return [job, stateOf('skipped'), moment(last), ['', 'num'], [reason, 'wrap extra'], ['', 'type extra']];
}

function runRow(run) {
  return [
    h('a', { href: runLink(run.id) }, run.job),
    stateOf(run.state, run.attempt > 1 ? `${run.state}, try ${run.attempt}` : run.state),
    moment(run.startedAt),
    [spent(run), 'num'],
    [run.reason ?? '', 'wrap extra'],
    [run.host, 'type extra'],
  ];
}
const RUN_HEADS = ['Job', 'State', 'Started', ['Took', 'num'], ['Why', 'extra'], ['Host', 'extra']];

function nowView(data, act) {
  const running = data.running.map((run) =>
    h(
      'a',
      { class: 'card', href: runLink(run.id), 'data-run': run.id },
      h('span', { class: 'row' }, stateOf('running', run.job), h('span', {}, 'started ', moment(run.startedAt))),
      h('progress', { max: run.total ?? 1, value: run.done, 'aria-label': `nodes of ${run.job} that are done` }),
      h('span', { class: 'count' }, countText(run)),
    ),
  );
  const buttons = (job) =>
    [['run', 'Run now'], job.paused ? ['resume', 'Resume'] : ['pause', 'Pause']].map(([action, text]) =>
      h(
        'button',
        { class: 'plain', 'aria-label': `${text}: ${job.name}`, on: { click: () => act(job.name, action) } },
        text,
      ),
    );
  const jobs = data.jobs.map((job) => [
    [
      h('a', { href: `#/runs/${encodeURIComponent(job.name)}` }, job.name),
      h('span', { class: 'sub' }, job.description ?? job.work),
    ],
    job.paused ? stateOf('paused') : moment(job.nextAt),
    [
      job.last === null
        ? h('span', { class: 'none' }, data.isAway ? 'not known now' : 'never ran')
        : [h('a', { href: runLink(job.last.id) }, stateOf(job.last.state)), ' ', moment(job.last.startedAt)],
      // What was left out before the last run is on the page of its runs.
      job.leftOut !== null &&
        job.leftOut.last > (job.last?.startedAt ?? 0) &&
        h('span', { class: 'sub' }, 'left out until ', moment(job.leftOut.last), `, ${job.leftOut.reason}`),
    ],
    [job.timing, 'type extra'],
    ...(act ? [buttons(job)] : []),
  ]);
  const heads = ['Job', 'Next', 'Last', ['When', 'extra'], ...(act ? ['Do'] : [])];
  return page(
    h('h1', {}, data.project),
    notReadyNotices(data.notReady),
    incidentNotices(data.incidents),
    unreadNotices(data.jobs),
    running.length > 0 && [h('h2', {}, 'Running'), running],
    h('h2', {}, 'Jobs'),
    tableOf('Jobs', heads, jobs),
    h('h2', {}, 'Last runs ', h('small', {}, h('a', { href: '#/runs' }, 'all'))),
    data.runs.length === 0
      ? h('p', { class: 'none' }, data.isAway ? 'They are in the database.' : 'None yet.')
      : tableOf('Last runs', RUN_HEADS, runRows(data.runs)),
    h('p', { class: 'foot none' }, `${data.host} · tsdbt ${data.version}`),
  );
}

const countText = ({ done, total }) => (total === null ? `${done} done` : `${done} of ${total} done`);

function runsView(state, onFilter, onMore) {
  const choice = (name, label, options, value) =>
    h(
      'label',
      {},
      label,
      h(
        'select',
        { name, on: { change: (event) => onFilter(name, event.target.value) } },
        h('option', { value: '' }, 'all'),
        options.map((option) => h('option', { value: option, selected: option === value }, option)),
      ),
    );
  const states = ['running', 'success', 'failed', 'timeout', 'lost', 'cancelled', 'skipped'];
  return page(
    h('h1', {}, 'Runs'),
    h(
      'div',
      { class: 'tools' },
      choice('job', 'Job', state.jobs, state.job),
      choice('state', 'State', states, state.state),
    ),
    state.runs.length + state.leftOut.length === 0
      ? h('p', { class: 'none' }, 'None.')
      : tableOf('Runs', RUN_HEADS, runRows(state.runs, state.leftOut)),
    state.next !== null && h('button', { class: 'plain more', id: 'older', on: { click: onMore } }, 'Older runs'),
  );
}

function runView({ run }, gantt) {
  return page(
    h('div', { class: 'crumbs' }, h('a', { href: `#/runs/${encodeURIComponent(run.job)}` }, run.job)),
    h('h1', {}, `Run of ${run.job} `, stateOf(run.state)),
    run.reason && h('pre', { class: 'error' }, run.reason),
    facts([
      ['Started', moment(run.startedAt)],
      ['Took', run.finishedAt === null ? null : spent(run)],
      ['Due', moment(run.dueAt)],
      ['Try', String(run.attempt)],
      ['Host', run.host],
      ['Nodes', h('span', { class: 'count' }, countText(run))],
      ['Project', run.project ?? null],
    ]),
    h('h2', {}, 'Nodes by thread'),
    gantt.element,
    h('h2', {}, 'Nodes'),
    h('div', { id: 'nodes' }),
  );
}

/** What failed first, then what runs, then the slowest. */
function nodesTable(runId, nodes, wanted) {
  const rank = ({ status }) => (isBad(status) ? 0 : status === 'running' ? 1 : 2);
  const found = nodes
    .filter(({ id }) => id.includes(wanted))
    .sort((a, b) => rank(a) - rank(b) || (b.seconds ?? 0) - (a.seconds ?? 0));
  const row = (node) => () => [
    h('a', { href: stepLink(runId, node.id), title: node.id }, shortName(node.id)),
    stateOf(node.status),
    [node.seconds === null ? '' : duration(node.seconds * 1000), 'num'],
    [numberText(node.failures ?? node.rows), 'num extra'],
    [node.message ?? '', 'wrap extra'],
  ];
  const heads = ['Node', 'State', ['Took', 'num'], ['Rows', 'num extra'], ['Message', 'extra']];
  return pagedTable('Nodes', heads, found.map(row));
}

function stepView(run, { node, log, failing }, hasDocs) {
  return page(
    h('div', { class: 'crumbs' }, h('a', { href: runLink(run) }, 'Its run')),
    h('h1', {}, shortName(node.id), ' ', stateOf(node.status)),
    h('p', {}, h('code', {}, node.id)),
    h(
      'p',
      {},
      h('a', { href: nodeLink(node.id) }, 'History'),
      hasDocs && [' · ', h('a', { href: `docs/#/item/${encodeURIComponent(node.id)}` }, 'Docs')],
    ),
    node.message && node.status !== 'success' && h('pre', { class: 'error' }, node.message),
    facts([
      ['Started', moment(node.startedAt)],
      ['Took', node.seconds === null ? null : duration(node.seconds * 1000)],
      ['Thread', node.thread],
      ['Rows', node.rows === null || node.rows === undefined ? null : numberText(node.rows)],
      ['Rows read', node.readRows === null || node.readRows === undefined ? null : numberText(node.readRows)],
      ['Bytes read', node.readBytes === null || node.readBytes === undefined ? null : numberText(node.readBytes)],
      ['Failing rows', node.failures === null || node.failures === undefined ? null : numberText(node.failures)],
    ]),
    failing && [
      h('h2', {}, 'Failing rows ', h('small', {}, `the first ${failing.rows.length}`)),
      tableOf(
        'Failing rows',
        failing.columns,
        failing.rows.map((row) => row.map((value) => (value === null ? h('i', { class: 'none' }, 'null') : value))),
      ),
    ],
    h('h2', {}, 'Log'),
    h('pre', { class: 'log', id: 'log', tabindex: 0, role: 'region', 'aria-label': 'Log' }, (log ?? []).join('\n')),
    log === null && node.status !== 'running' && h('p', { class: 'none' }, 'This host has no log of it any more.'),
  );
}

function nodeView(id, { history }, hasDocs) {
  const isTest = history.some(({ failures }) => failures !== null);
  const valueOf = (run) => (isTest ? (run.failures ?? 0) : run.seconds);
  const top = Math.max(...history.map(valueOf), 0.001);
  const said = (run) =>
    `${run.status}, ${isTest ? `${run.failures ?? 0} failing rows` : duration(run.seconds * 1000)}, ` +
    new Date(run.startedAt).toLocaleString();
  const bars = history.map((run, i) => {
    const link = {
      href: stepLink(run.runId, id),
      class: kindOf(run.status),
      title: said(run),
      'aria-label': said(run),
    };
    const bar = h('a', { ...link, tabindex: i === 0 ? 0 : -1 });
    bar.style.height = `${Math.max(4, (valueOf(run) / top) * 100)}%`;
    return bar;
  });
  const chart = h(
    'div',
    { class: 'bars', role: 'group', 'aria-label': 'Runs, the newest at the right' },
    bars.reverse(),
  );
  chart.addEventListener('keydown', (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const next = step && chart.children[[...chart.children].indexOf(event.target) + step];
    if (!next) return;
    event.target.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });
  const rows = history.map((run) => () => [
    h('a', { href: stepLink(run.runId, id) }, moment(run.startedAt)),
    stateOf(run.status),
    [duration(run.seconds * 1000), 'num'],
    [numberText(run.failures ?? run.rows), 'num'],
    [run.message ?? '', 'wrap extra'],
  ]);
  return page(
    h('h1', {}, shortName(id)),
    h('p', {}, h('code', {}, id)),
    hasDocs && h('p', {}, h('a', { href: `docs/#/item/${encodeURIComponent(id)}` }, 'Docs')),
    h('h2', {}, isTest ? 'Failing rows of its runs' : 'Time of its runs'),
    history.length === 0
      ? h('p', { class: 'none' }, 'It has not run yet.')
      : [
          chart,
          h('h2', {}, 'Runs'),
          pagedTable('Runs', ['Run', 'State', ['Took', 'num'], ['Rows', 'num'], ['Message', 'extra']], rows),
        ],
  );
}

function promisesView({ promises, freshness, incidents, notReady, isAway }) {
  const order = ['broken', 'breaking', 'unknown', 'kept'];
  const sorted = [...promises].sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state));
  const linked = (id) => (id.includes('.') ? h('a', { href: nodeLink(id), title: id }, shortName(id)) : id);
  return page(
    h('h1', {}, 'SLAs'),
    notReadyNotices(notReady),
    incidentNotices(incidents),
    promises.length === 0
      ? h('p', { class: 'none' }, 'No SLAs are defined. Add `meta.tsdbt.sla` to a model, source or job.')
      : tableOf(
          'SLAs',
          ['What', 'SLA', 'State', 'Now', ['Since', 'extra'], ['Owner', 'extra']],
          sorted.map(({ subject, promise, limit, value, state, since, owner }) => [
            linked(subject),
            [promise, h('span', { class: 'sub' }, limit)],
            stateOf(state),
            value ?? '–',
            [since === null ? '' : moment(since), 'extra'],
            [owner ?? '', 'type extra'],
          ]),
        ),
    h('h2', {}, 'Freshness of sources'),
    freshness.length === 0
      ? h('p', { class: 'none' }, isAway ? 'It is in the database.' : 'Not measured yet: `source freshness` does it.')
      : tableOf(
          'Freshness of sources',
          ['Source', 'State', 'Newest row', ['Looked', 'extra']],
          freshness.map(({ id, status, maxLoadedAt, at }) => [
            linked(id),
            stateOf(status),
            moment(maxLoadedAt),
            [moment(at), 'extra'],
          ]),
        ),
  );
}

function loadersView({ loaders }) {
  const row = ({ table, topic, ok, paused, reasons, lag_rows, lag_seconds, slot_retained_bytes: kept }) => [
    [table, h('span', { class: 'sub' }, topic)],
    paused ? stateOf('paused') : ok ? stateOf('success', 'loading') : stateOf('failed', 'waiting'),
    [BigInt(lag_rows).toLocaleString('en'), 'num'],
    [lag_seconds === null ? '–' : duration(lag_seconds * 1000), 'num'],
    [kept === null ? '–' : `${Math.ceil(kept / 2 ** 20).toLocaleString('en')} MiB`, 'num'],
    [reasons.join('; '), 'wrap'],
  ];
  const columns = ['Table', 'State', ['Rows behind', 'num'], ['Behind', 'num'], ['Log kept', 'num'], 'Why'];
  return page(
    h('h1', {}, 'Loaders'),
    loaders.length === 0
      ? h('p', { class: 'none' }, 'No job of this host loads tables.')
      : tableOf('Loaders', columns, loaders.map(row)),
  );
}
