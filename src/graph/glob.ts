// Python's two ways to match with wildcards, as selection uses them: fnmatch for names, pathlib's glob for paths. Pure.

/** `fnmatch.fnmatchcase`: `*` any text, `?` one character, `[seq]`, `[!seq]`; the whole text must match. */
export function compileFnmatch(pattern: string): (text: string) => boolean {
  if (!/[*?[]/.test(pattern)) return (text) => text === pattern;
  if (pattern === '*') return () => true;
  const regex = new RegExp(`^(?:${translate(pattern, '.*', '.')})$`, 'su');
  return (text) => regex.test(text);
}

/** `Path.glob` on paths with `/`: `*` and `?` stay within one name, `**` stands for any number of folders. */
export function compileGlob(pattern: string): (path: string) => boolean {
  const parts = pattern.replace(/^(\.\/)+/, '').split('/').filter((p, _, all) => p !== '' && (p !== '.' || all.length === 1));
  const text = parts.map((part, i) => {
    if (part === '**') return i === parts.length - 1 ? '(?:[^/]+(?:/[^/]+)*)?' : '(?:[^/]+/)*';
    return `${translate(part, '[^/]*', '[^/]')}${i === parts.length - 1 ? '' : '/'}`;
  }).join('');
  const regex = new RegExp(`^(?:${text})$`, 'su');
  return (path) => regex.test(path);
}

function translate(pattern: string, any: string, one: string): string {
  let out = '';
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i]!;
    if (c === '*') out += any;
    else if (c === '?') out += one;
    else if (c === '[') {
      // A `]` right behind `[` or `[!` is a member; without a closing bracket `[` is itself.
      let end = i + 1;
      if (pattern[end] === '!') end++;
      if (pattern[end] === ']') end++;
      while (end < pattern.length && pattern[end] !== ']') end++;
      if (end >= pattern.length) out += '\\[';
      else {
        const inside = pattern.slice(i + 1, end).replace(/[\\\]^[]/g, '\\$&').replace(/^!/, '^');
        out += `[${inside}]`;
        i = end;
      }
    } else out += c.replace(/[\\^$.|+(){}\]/]/g, '\\$&');
  }
  return out;
}
