// Random choices that a seed repeats, and random spellings of YAML. Leaves what is chosen to its callers.

/** YAML's own words for a value, written as they stand: `yes`, `2020-01-01`, `0o7`. */
export class Plain {
  constructor(text) {
    this.text = text;
  }
}

export class Random {
  constructor(seed) {
    this.state = seed >>> 0;
  }

  /** 0 ≤ x < 1 (mulberry32). */
  next() {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  below(n) {
    return Math.floor(this.next() * n);
  }

  chance(p) {
    return this.next() < p;
  }

  pick(list) {
    return list[this.below(list.length)];
  }

  /** What a function of a list gives: one of them is called. */
  one(...makers) {
    return this.pick(makers)();
  }

  /** Between `min` and `max` different items. */
  some(list, min, max) {
    const left = [...list];
    const out = [];
    for (let n = min + this.below(max - min + 1); n > 0 && left.length > 0; n--)
      out.push(left.splice(this.below(left.length), 1)[0]);
    return out;
  }

  /** An object of those entries whose chance comes; values are functions. */
  fields(entries, p = 0.3) {
    const out = {};
    for (const [key, make] of Object.entries(entries)) if (this.chance(p)) out[key] = make();
    return out;
  }
}

const SAFE = /^[A-Za-z_][A-Za-z0-9_./()'*+-]*( [A-Za-z0-9_./()'*+-]+)*$/;
const WORDS = /^(y|n|yes|no|on|off|true|false|null|~)$/i;

function scalar(value, random) {
  if (value instanceof Plain) return value.text;
  if (typeof value !== 'string') return JSON.stringify(value);
  if (SAFE.test(value) && !WORDS.test(value) && random.chance(0.6)) return value;
  if (!/[\n\\]/.test(value) && random.chance(0.5)) return `'${value.replaceAll("'", "''")}'`;
  return JSON.stringify(value);
}

function flow(value, random) {
  if (Array.isArray(value)) return `[${value.map((item) => flow(item, random)).join(', ')}]`;
  if (value instanceof Plain || value === null || typeof value !== 'object') {
    const text = scalar(value, random);
    return typeof value === 'string' && !/^['"]/.test(text) ? JSON.stringify(value) : text;
  }
  return `{${Object.entries(value)
    .map(([key, item]) => `${JSON.stringify(key)}: ${flow(item, random)}`)
    .join(', ')}}`;
}

const isHolder = (value) => value !== null && typeof value === 'object' && !(value instanceof Plain);
const isEmpty = (value) => (Array.isArray(value) ? value : Object.keys(value)).length === 0;

/** A value as YAML, block style mostly, each part spelled in one of the ways that mean the same. */
export function toYaml(value, random, indent = '') {
  if (!isHolder(value)) return `${indent}${scalar(value, random)}\n`;
  if (isEmpty(value)) return `${indent}${Array.isArray(value) ? '[]' : '{}'}\n`;
  let out = '';
  const entries = Array.isArray(value) ? value.map((item) => [null, item]) : Object.entries(value);
  for (const [key, item] of entries) {
    const lead =
      key === null ? '-' : `${SAFE.test(key) && !WORDS.test(key) && !key.includes("'") ? key : JSON.stringify(key)}:`;
    if (!isHolder(item)) {
      const text =
        typeof item === 'string' && /\n/.test(item) && !/^\s|[\t]| \n/.test(item) && random.chance(0.6)
          ? `|${item.endsWith('\n') ? '' : '-'}\n${item
              .replace(/\n$/, '')
              .split('\n')
              .map((line) => (line === '' ? '' : `${indent}    ${line}`))
              .join('\n')}`
          : scalar(item, random);
      out += `${indent}${lead} ${text}\n`;
    } else if (isEmpty(item) || random.chance(0.12)) out += `${indent}${lead} ${flow(item, random)}\n`;
    else if (key === null && !Array.isArray(item))
      out += `${indent}- ${toYaml(item, random, `${indent}  `).slice(indent.length + 2)}`;
    else
      out +=
        `${indent}${lead}\n` +
        `${toYaml(item, random, `${indent}${Array.isArray(item) && key !== null && random.chance(0.4) ? '' : '  '}`)}`;
  }
  return out;
}

/** A value as a Jinja expression. */
export function toJinja(value) {
  if (value instanceof Plain) return toJinja(value.text);
  if (Array.isArray(value)) return `[${value.map(toJinja).join(', ')}]`;
  if (value === null) return 'none';
  if (typeof value === 'object')
    return `{${Object.entries(value)
      .map(([key, item]) => `${toJinja(key)}: ${toJinja(item)}`)
      .join(', ')}}`;
  if (typeof value === 'string')
    return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\n', '\\n')}'`;
  return String(value);
}
