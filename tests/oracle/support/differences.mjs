// Finds where two plain values differ, and normalises texts that may differ in layout only. Leaves what is compared to
// its callers.

/**
 * @param {(path: string) => boolean} ignored paths are `a.b.0.c`
 * @returns {string[]} one line a difference: `path: theirs ≠ ours`
 */
export function differences(theirs, ours, ignored = () => false, path = '', out = []) {
  if (ignored(path) || theirs === ours) return out;
  const both = [theirs, ours];
  if (both.every(Array.isArray)) {
    if (theirs.length !== ours.length)
      out.push(`${path}: ${theirs.length} items ≠ ${ours.length}: ${short(theirs)} ≠ ${short(ours)}`);
    else for (const [i, item] of theirs.entries()) differences(item, ours[i], ignored, `${path}.${i}`, out);
  } else if (both.every((v) => v !== null && typeof v === 'object' && !Array.isArray(v))) {
    for (const key of new Set([...Object.keys(theirs), ...Object.keys(ours)])) {
      const at = path === '' ? key : `${path}.${key}`;
      if (ignored(at)) continue;
      if (!(key in ours)) out.push(`${at}: missing here (${short(theirs[key])})`);
      else if (!(key in theirs)) out.push(`${at}: only here (${short(ours[key])})`);
      else differences(theirs[key], ours[key], ignored, at, out);
    }
  } else if (both.every((v) => typeof v === 'string')) {
    // Long texts are shown from a little before the place where they part.
    const at = Math.max(0, [...theirs].findIndex((char, i) => char !== ours[i]) - 60);
    out.push(`${path}: ${at > 0 ? `at ${at} ` : ''}${short(theirs.slice(at))} ≠ ${short(ours.slice(at))}`);
  } else out.push(`${path}: ${short(theirs)} ≠ ${short(ours)}`);
  return out;
}

function short(value) {
  const text = JSON.stringify(value) ?? 'undefined';
  return text.length > 160 ? `${text.slice(0, 160)}…` : text;
}

/** SQL as tokens joined by one blank: layout, comments and the clock in temporary names do not count. */
export function sqlTokens(sql) {
  const tokens =
    sql
      .replace(/__dbt_tmp(_\d{4,8}(T\d{2})?)?\d{12}/g, '__dbt_tmp$1<time>')
      .match(
        new RegExp(
          String.raw`'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|/\*[\s\S]*?\*/` +
            String.raw`|[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*|\d+(?:\.\d+)?|::|[<>=!|&]+|\S`,
          'g',
        ),
      ) ?? [];
  return tokens
    .filter((t) => !t.startsWith('--') && !t.startsWith('/*'))
    .join(' ')
    .replace(/( ;)+$/, '');
}
