// Prometheus text format 0.0.4: families, samples, escaped labels, and merging of several texts.

export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export interface Sample {
  /** Suffix of the family's name: `_bucket`, `_sum`, `_count`; empty for gauges and counters. */
  readonly suffix?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number | bigint;
}

/** @returns the lines of one family; the header is written even without samples */
export function family(name: string, type: 'counter' | 'gauge' | 'histogram', help: string, samples: Iterable<Sample>) {
  const lines = [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];
  for (const { suffix = '', labels, value } of samples) lines.push(`${name}${suffix}{${labelText(labels)}} ${value}`);
  return lines;
}

/** Samples of a histogram: cumulative counts by upper bound, in ascending order. */
export function histogram(
  labels: Readonly<Record<string, string>>,
  bounds: readonly number[],
  counts: readonly number[],
  count: number,
  sum: number,
): Sample[] {
  return [
    ...bounds.map((le, i) => ({ suffix: '_bucket', labels: { ...labels, le: String(le) }, value: counts[i] ?? 0 })),
    { suffix: '_bucket', labels: { ...labels, le: '+Inf' }, value: count },
    { suffix: '_sum', labels, value: sum },
    { suffix: '_count', labels, value: count },
  ];
}

function labelText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escaped(value)}"`)
    .join(',');
}

function escaped(label: string): string {
  return label.replace(/[\\"\n]/g, (character) => (character === '\n' ? '\\n' : `\\${character}`));
}

/** Merges several texts: a family in several of them gets one header, followed by all its samples. */
export function mergeTexts(texts: readonly string[]): string {
  const families = new Map<string, { readonly head: string[]; readonly samples: string[] }>();
  for (const text of texts) {
    let current = '';
    for (const line of text.split('\n')) {
      if (line === '') continue;
      const comment = /^# (?:HELP|TYPE) (\S+)/.exec(line);
      current = comment?.[1] ?? current;
      const found = families.get(current) ?? { head: [], samples: [] };
      families.set(current, found);
      const lines = comment === null ? found.samples : found.head;
      if (comment === null || !lines.includes(line)) lines.push(line);
    }
  }
  const lines = [...families.values()].flatMap(({ head, samples }) => [...head, ...samples]);
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}
