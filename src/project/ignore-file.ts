// Matches .dbtignore patterns as dbt's pathspec does: gitignore rules. Reads no file.
import { ANY_NUMBER, anything, characterClass, literally, matchesAll, type Place } from '../values/wildcards.ts';

interface Rule {
  readonly matches: (path: string) => boolean;
  readonly ignored: boolean;
}

/** Returns whether a path relative to the project folder (with `/`) is ignored. */
export interface IgnoreRules {
  file(path: string): boolean;
  /** Whether everything in the folder is ignored, so that it need not be walked. */
  folder(path: string): boolean;
}

/** @param text contents of `.dbtignore` */
export function parseIgnoreFile(text: string): IgnoreRules {
  const rules: Rule[] = [];
  for (const line of text.split(/\r?\n/)) {
    const rule = ignoreRule(line);
    if (rule !== undefined) rules.push(rule);
  }
  const negated = rules.some((rule) => !rule.ignored);
  const file = (path: string): boolean => {
    let ignored = false;
    for (const rule of rules) if (rule.matches(path)) ignored = rule.ignored;
    return ignored;
  };
  return {
    file,
    folder: (path) => !negated && rules.some((rule) => rule.matches(`${path}/x`) && rule.matches(`${path}/x/y`)),
  };
}

function ignoreRule(line: string): Rule | undefined {
  let text = line.endsWith('\\ ') ? line : line.trimEnd();
  if (text === '' || text.startsWith('#')) return undefined;
  const ignored = !text.startsWith('!');
  if (!ignored) text = text.slice(1);
  if (text.startsWith('\\#') || text.startsWith('\\!')) text = text.slice(1);
  if (text === '/' || text === '') return undefined;
  const onlyFolders = text.endsWith('/');
  const segments = text.split('/');
  while (segments.length > 1 && segments.at(-1) === '') segments.pop();
  const anchored = segments.length > 1;
  if (segments[0] === '') segments.shift();
  const folders: (Place<string> | typeof ANY_NUMBER)[] = anchored || segments[0] === '**' ? [] : [ANY_NUMBER];
  segments.forEach((segment, i) => {
    if (segment !== '**') {
      const places = placesOf(segment);
      folders.push((name) => matchesAll(places, [...name]));
    } else if (i === segments.length - 1) folders.push(anything, ANY_NUMBER);
    else folders.push(ANY_NUMBER);
  });
  // Everything below an ignored folder is ignored too.
  if (onlyFolders) folders.push(anything);
  folders.push(ANY_NUMBER);
  return { matches: (path) => matchesAll(folders, path.split('/')), ignored };
}

function placesOf(segment: string): (Place<string> | typeof ANY_NUMBER)[] {
  const out: (Place<string> | typeof ANY_NUMBER)[] = [];
  const characters = [...segment];
  for (let i = 0; i < characters.length; i++) {
    const character = characters[i]!;
    if (character === '\\') out.push(literally(characters[++i] ?? '\\'));
    else if (character === '*') out.push(ANY_NUMBER);
    else if (character === '?') out.push(anything);
    else if (character === '[') {
      const close = characters.indexOf(']', i + 2);
      if (close === -1) out.push(literally('['));
      else {
        const body = characters.slice(i + 1, close).join('');
        const negated = /^[!^]/.test(body);
        out.push(characterClass((negated ? body.slice(1) : body).replace(/[\\\][&|~]/g, '\\$&'), negated));
        i = close;
      }
    } else out.push(literally(character));
  }
  return out;
}
