// Python's fnmatch and pathlib's glob as text matchers.
import { ANY_NUMBER, anything, characterClass, literally, matchesAll, type Place } from '../values/wildcards.ts';

/** Returns a matcher for a shell pattern over a whole text: `*`, `?`, `[abc]`, `[!abc]`. */
export function fnmatch(pattern: string): (text: string) => boolean {
  if (!/[*?[]/.test(pattern)) return (text) => text === pattern;
  if (pattern === '*') return () => true;
  const places = placesOf(pattern);
  return (text) => matchesAll(places, [...text]);
}

/**
 * Returns a matcher for a relative path by `pathlib.Path.glob`'s rules: `*` stays within a folder, `**` spans folders
 * (and matches only folders at the end).
 */
export function pathGlob(pattern: string): (path: string, isFolder: boolean) => boolean {
  const parts = pattern.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.length === 0) return () => false;
  const onlyFolders = parts.at(-1) === '**';
  if (!/[*?[]/.test(pattern)) {
    const path = parts.join('/');
    return (text) => text === path;
  }
  const folders = parts.map((part) => {
    if (part === '**') return ANY_NUMBER;
    const places = placesOf(part);
    return (name: string): boolean => matchesAll(places, [...name]);
  });
  return (text, isFolder) => (!onlyFolders || isFolder) && matchesAll(folders, text.split('/'));
}

function placesOf(pattern: string): (Place<string> | typeof ANY_NUMBER)[] {
  const out: (Place<string> | typeof ANY_NUMBER)[] = [];
  const characters = [...pattern];
  let i = 0;
  for (let character = characters[i]; character !== undefined; character = characters[++i]) {
    if (character === '*') out.push(ANY_NUMBER);
    else if (character === '?') out.push(anything);
    else if (character === '[') {
      let close = i + 1;
      if (characters[close] === '!') close++;
      if (characters[close] === ']') close++;
      close = characters.indexOf(']', close);
      if (close === -1) out.push(literally('['));
      else {
        const negated = characters[i + 1] === '!';
        const body = characters
          .slice(i + (negated ? 2 : 1), close)
          .join('')
          .replace(/[\\\]^[&|~]/g, '\\$&');
        out.push(characterClass(body, negated));
        i = close;
      }
    } else out.push(literally(character));
  }
  return out;
}
