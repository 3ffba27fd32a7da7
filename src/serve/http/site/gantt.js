// A run's nodes over time, a lane for each thread, as it goes. Bars are links; arrow keys go from one to the next.
'use strict';

const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 86_400];

class Gantt {
  constructor(linkOf) {
    this.linkOf = linkOf;
    this.bars = new Map();
    this.lanes = new Map();
    this.start = null;
    this.running = false;
    this.axis = h('div', { class: 'axis', 'aria-hidden': 'true' });
    this.body = h('div', {});
    this.told = h('p', { class: 'told' }, 'Arrow keys go from node to node.');
    this.chart = h('div', { class: 'gantt', role: 'group', 'aria-label': 'Nodes by thread' }, this.axis, this.body);
    this.element = h('div', {}, this.chart, this.told);
    this.chart.addEventListener('keydown', (event) => this.move(event));
    this.chart.addEventListener('focusin', (event) => this.tell(event.target.bar));
    this.chart.addEventListener('mouseover', (event) => this.tell(event.target.bar));
    new ResizeObserver(() => this.scale()).observe(this.chart);
  }

  /** Adds a node, or what is new about it. */
  put(node) {
    this.start = this.start === null ? node.startedAt : Math.min(this.start, node.startedAt);
    let bar = this.bars.get(node.id);
    if (bar === undefined) {
      bar = { node, element: h('a', { href: this.linkOf(node), tabindex: this.bars.size === 0 ? 0 : -1 }) };
      bar.element.bar = bar;
      this.bars.set(node.id, bar);
      this.lane(node.thread).append(bar.element);
    }
    bar.node = node;
    const spent = node.seconds === null ? '' : `, ${duration(node.seconds * 1000)}`;
    bar.element.setAttribute('aria-label', `${node.id}: ${node.status}${spent}`);
    bar.element.className = `node ${kindOf(node.status)}`;
    bar.element.textContent = shortName(node.id);
  }

  lane(thread) {
    let track = this.lanes.get(thread);
    if (track === undefined) {
      const number = /\d+/.exec(thread)?.[0];
      const name = number === undefined ? thread : [h('span', { class: 'extra' }, 'Thread '), number];
      track = h('div', { class: 'track' });
      track.of = thread;
      this.lanes.set(thread, track);
      const lane = h('div', { class: 'lane' }, h('b', { title: thread }, name), track);
      const order = (text) => text.replace(/\d+/g, (digits) => digits.padStart(6, '0'));
      const after = [...this.lanes.keys()].filter((other) => order(other) > order(thread));
      const next = after.sort((a, b) => order(a).localeCompare(order(b)))[0];
      this.body.insertBefore(lane, next === undefined ? null : this.lanes.get(next).parentElement);
    }
    return track;
  }

  /** Places all bars. Called after changes, and each second while something runs. */
  scale() {
    if (this.start === null) return;
    const endOf = ({ node }) => (node.seconds === null ? now() : node.startedAt + node.seconds * 1000);
    let end = this.start + 100;
    this.running = false;
    for (const bar of this.bars.values()) {
      end = Math.max(end, endOf(bar));
      this.running ||= bar.node.seconds === null;
    }
    const width = this.axis.clientWidth;
    const scale = width / (end - this.start);
    for (const bar of this.bars.values()) {
      const wide = Math.max(2, (endOf(bar) - bar.node.startedAt) * scale);
      bar.element.style.left = `${(bar.node.startedAt - this.start) * scale}px`;
      bar.element.style.width = `${wide}px`;
      bar.element.classList.toggle('thin', wide < 16);
    }
    const seconds = (end - this.start) / 1000;
    const step = STEPS.find((size) => seconds / size <= Math.max(2, width / 90)) ?? STEPS.at(-1);
    const ticks = [];
    for (let at = 0; at < seconds; at += step) {
      const tick = h('span', {}, at === 0 ? '0' : duration(at * 1000).replace('.0 s', ' s'));
      tick.style.left = `${at * 1000 * scale}px`;
      ticks.push(tick);
    }
    this.axis.replaceChildren(...ticks);
  }

  move(event) {
    const { bar } = event.target;
    if (bar === undefined || !event.key.startsWith('Arrow')) return;
    event.preventDefault();
    const inLane = (thread) =>
      [...this.bars.values()]
        .filter(({ node }) => node.thread === thread)
        .sort((a, b) => a.node.startedAt - b.node.startedAt);
    const { thread, startedAt } = bar.node;
    let next;
    if (event.key === 'ArrowLeft' || event.key === 'ArrowRight') {
      const lane = inLane(thread);
      next = lane[lane.indexOf(bar) + (event.key === 'ArrowRight' ? 1 : -1)];
    } else {
      const tracks = [...this.body.querySelectorAll('.track')];
      const here = tracks.findIndex((track) => track.of === thread);
      const other = tracks[here + (event.key === 'ArrowDown' ? 1 : -1)];
      const far = ({ node }) => Math.abs(node.startedAt - startedAt);
      next = other && inLane(other.of).reduce((best, one) => (best && far(best) <= far(one) ? best : one), undefined);
    }
    if (next === undefined) return;
    bar.element.tabIndex = -1;
    next.element.tabIndex = 0;
    next.element.focus();
  }

  tell(bar) {
    if (bar !== undefined) this.told.textContent = bar.element.getAttribute('aria-label');
  }
}
