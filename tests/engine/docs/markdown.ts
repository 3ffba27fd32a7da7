// The project's pages as data: code blocks, links, headings. Leaves what they must hold to the tests beside it.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

export const ROOT = join(import.meta.dirname, '..', '..', '..');

export interface Fence {
  /** `sh`, `yaml`, … */
  readonly language: string;
  /** What stands behind the language: a file's path, or `service: why it is not run`. */
  readonly info: string;
  readonly text: string;
  readonly line: number;
}

export interface Page {
  /** Relative to the root. */
  readonly path: string;
  readonly text: string;
  readonly fences: readonly Fence[];
  /** The lines outside of code blocks, with their number. */
  readonly prose: readonly (readonly [line: number, text: string])[];
  /** `<!-- runs in: starter -->`: the project that the page's commands run in. */
  readonly project: string;
}

const TOP = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'SECURITY.md'];

/** Every page that this project writes. */
export function pages(): readonly Page[] {
  const docs = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name));
  return [...TOP, join('bench', 'README.md'), ...docs].map(page);
}

function page(path: string): Page {
  const text = readFileSync(join(ROOT, path), 'utf8');
  const fences: Fence[] = [];
  const prose: (readonly [number, string])[] = [];
  let open: { marker: string; language: string; info: string; line: number; lines: string[] } | null = null;
  text.split('\n').forEach((line, i) => {
    const marker = /^(`{3,})([\w-]*)\s*(.*)$/.exec(line);
    if (open === null && marker !== null)
      open = { marker: marker[1]!, language: marker[2]!, info: marker[3]!, line: i + 1, lines: [] };
    else if (open !== null && line === open.marker) {
      const { language, info, line: begin, lines } = open;
      fences.push({ language, info, text: lines.join('\n'), line: begin });
      open = null;
    } else if (open !== null) open.lines.push(line);
    else prose.push([i + 1, line]);
  });
  return { path, text, fences, prose, project: /<!-- runs in: (\w+) -->/.exec(text)?.[1] ?? 'starter' };
}

/** Ids that GitHub gives to headings. */
export function anchors({ prose }: Page): ReadonlySet<string> {
  const found = new Map<string, number>();
  const ids = new Set<string>();
  for (const [, line] of prose) {
    const heading = /^#{1,6} (.*)$/.exec(line)?.[1];
    if (heading === undefined) continue;
    const id = heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(' ', '-');
    const times = found.get(id) ?? 0;
    found.set(id, times + 1);
    ids.add(times === 0 ? id : `${id}-${times}`);
  }
  return ids;
}

/** Targets of links and pictures outside of code. */
export function links({ prose }: Page): readonly (readonly [line: number, target: string])[] {
  return prose.flatMap(([line, text]) =>
    [...text.replace(/`[^`]*`/g, '').matchAll(/\]\(([^)\s]+)\)|(?:src|href)="([^"]+)"/g)].map(
      (match) => [line, match[1] ?? match[2]!] as const,
    ),
  );
}

/** Where a link of a page leads, relative to the root. */
export function resolved(from: string, target: string): string {
  return relative(ROOT, join(ROOT, dirname(from), target));
}

/** The commands of a shell block: comments gone, continued lines joined, `&&` and `;` split. */
export function commands({ text }: Fence): string[] {
  return text
    .replace(/\\\n\s*/g, ' ')
    .split('\n')
    .map((line) => line.replace(/(^|\s)#.*$/, '').trim())
    .flatMap((line) => line.split(/\s*(?:&&|;|\|\|)\s*/))
    .filter((line) => line !== '');
}
