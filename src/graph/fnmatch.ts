// Python's fnmatch and pathlib's glob as matchers of texts.

/** A matcher for a shell pattern over a whole text: `*`, `?`, `[abc]`, `[!abc]`. */
export function fnmatch(pattern: string): (text: string) => boolean {
  if (!/[*?[]/.test(pattern)) return (text) => text === pattern;
  if (pattern === '*') return () => true;
  const expression = new RegExp(`^${translate(pattern, '[\\s\\S]')}$`, 'u');
  return (text) => expression.test(text);
}

/** A matcher for a relative path by `pathlib.Path.glob`'s rules: `*` stays within a folder, `**` spans folders (and names only folders at the end). */
export function pathGlob(pattern: string): (path: string, isFolder: boolean) => boolean {
  const parts = pattern.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.length === 0) return () => false;
  const onlyFolders = parts.at(-1) === '**';
  if (!/[*?[]/.test(pattern)) {
    const path = parts.join('/');
    return (text) => text === path;
  }
  let source = '^';
  for (const part of parts) {
    if (part === '**') source += '(?:[^/]+/)*';
    else source += `${translate(part, '[^/]')}/`;
  }
  const expression = new RegExp(`${source}$`, 'u');
  return (text, isFolder) => (!onlyFolders || isFolder) && expression.test(`${text}/`);
}

function translate(pattern: string, any: string): string {
  let out = '';
  for (let i = 0; i < pattern.length; i++) {
    const character = pattern[i] ?? '';
    if (character === '*') out += `${any}*`;
    else if (character === '?') out += any;
    else if (character === '[') {
      let close = i + 1;
      if (pattern[close] === '!') close++;
      if (pattern[close] === ']') close++;
      close = pattern.indexOf(']', close);
      if (close === -1) out += '\\[';
      else {
        const negated = pattern[i + 1] === '!';
        const body = pattern.slice(i + (negated ? 2 : 1), close).replace(/[\\\]^[&|~]/g, '\\$&');
        out += `[${negated ? '^' : ''}${body}]`;
        i = close;
      }
    } else out += character.replace(/[.+^${}()|\\/\]]/, '\\$&');
  }
  return out;
}
