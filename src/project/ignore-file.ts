// .dbtignore: gitignore patterns, as dbt's pathspec matches them. Reads no file.

/** Says for a path below the project's folder (with `/`) whether it is ignored. */
export interface IgnoreRules {
  file(path: string): boolean;
  /** True when nothing below the folder can count, so it need not be walked. */
  folder(path: string): boolean;
}

/** @param text contents of `.dbtignore` */
export function parseIgnoreFile(text: string): IgnoreRules {
  const rules: { pattern: RegExp; ignored: boolean }[] = [];
  for (const line of text.split(/\r?\n/)) {
    const rule = ignoreRule(line);
    if (rule !== undefined) rules.push(rule);
  }
  const negated = rules.some((rule) => !rule.ignored);
  const file = (path: string): boolean => {
    let ignored = false;
    for (const rule of rules) if (rule.pattern.test(path)) ignored = rule.ignored;
    return ignored;
  };
  return { file, folder: (path) => !negated && rules.some((rule) => rule.pattern.test(`${path}/x`) && rule.pattern.test(`${path}/x/y`)) };
}

function ignoreRule(line: string): { pattern: RegExp; ignored: boolean } | undefined {
  let text = line.endsWith('\\ ') ? line : line.trimEnd();
  if (text === '' || text.startsWith('#')) return undefined;
  const ignored = !text.startsWith('!');
  if (!ignored) text = text.slice(1);
  if (text.startsWith('\\#') || text.startsWith('\\!')) text = text.slice(1);
  if (text === '/' || text === '') return undefined;
  const onlyFolders = text.endsWith('/');
  const segments = text.replace(/\/+$/, '').split('/');
  const anchored = segments.length > 1;
  if (segments[0] === '') segments.shift();
  let source = anchored || segments[0] === '**' ? '^' : '^(?:.+/)?';
  segments.forEach((segment, i) => {
    const last = i === segments.length - 1;
    if (segment === '**') source += last ? '.+' : '(?:.+/)?';
    else source += segmentPattern(segment) + (last ? '' : '/');
  });
  source += onlyFolders ? '/.*$' : '(?:/.*)?$';
  return { pattern: new RegExp(source), ignored };
}

function segmentPattern(segment: string): string {
  let out = '';
  for (let i = 0; i < segment.length; i++) {
    const character = segment[i] ?? '';
    if (character === '\\') out += escapeRegExp(segment[++i] ?? '\\');
    else if (character === '*') out += '[^/]*';
    else if (character === '?') out += '[^/]';
    else if (character === '[') {
      const close = segment.indexOf(']', i + 2);
      if (close === -1) out += '\\[';
      else {
        out += `[${segment.slice(i + 1, close).replace(/^!/, '^').replaceAll('\\', '\\\\')}]`;
        i = close;
      }
    } else out += escapeRegExp(character);
  }
  return out;
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}
