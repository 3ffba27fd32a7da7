// Finds known words similar to a mistyped one, by Python's difflib, for every "did you mean". Pure.

/**
 * Minimum similarity of a single suggestion. Stricter than difflib's default, because names in a project share parts.
 */
const NAME_CUTOFF = 0.75;
/** In a word up to this length one letter is a larger share; at most one wrong letter is accepted. */
const SHORT = 4;
const SHORT_CUTOFF = 0.5;

/**
 * difflib's `get_close_matches`: the best matches of a word, best first.
 * @param limit maximum number of matches
 * @param cutoff minimum similarity, 0 to 1
 */
export function closeMatches(word: string, known: Iterable<string>, limit = 3, cutoff = 0.6): string[] {
  const scored: { candidate: string; score: number }[] = [];
  for (const candidate of known) {
    const score = similarity(candidate, word, cutoff);
    if (score >= cutoff) scored.push({ candidate, score });
  }
  scored.sort((a, b) => b.score - a.score || (a.candidate < b.candidate ? 1 : -1));
  return scored.slice(0, limit).map(({ candidate }) => candidate);
}

/**
 * Returns the name that was probably meant, ignoring case; undefined if none is similar, or the word is a known name.
 */
export function closestName(name: string, known: Iterable<string>): string | undefined {
  const word = name.toLowerCase();
  let best: string | undefined;
  const short = name.length <= SHORT;
  let bestScore = short ? SHORT_CUTOFF : NAME_CUTOFF;
  for (const candidate of known) {
    if (candidate === name) return undefined;
    const lower = candidate.toLowerCase();
    if (short && lower !== word && !oneLetterApart(lower, word)) continue;
    const score = similarity(lower, word, bestScore);
    if (score < bestScore || (score === bestScore && best !== undefined)) continue;
    best = candidate;
    bestScore = score;
  }
  return best;
}

/** Returns the hint of an error about an unknown name: `did you mean 'orders'?`; undefined if none is similar. */
export function didYouMean(name: string, known: Iterable<string>): string | undefined {
  const close = closestName(name, known);
  return close === undefined ? undefined : `did you mean '${close}'?`;
}

/**
 * Returns the hint of an error about a word that is not in `known`: the probable word, and the whole list.
 * @param title what the words are: `Options`
 */
export function knownWords(title: string, name: string, known: readonly string[]): string {
  const close = didYouMean(name, known);
  return `${close === undefined ? '' : `${close} `}${title}: ${known.join(', ')}`;
}

/** One letter changed, missing, added or moved: all letters of the longer word but one are common. */
export function oneLetterApart(a: string, b: string): boolean {
  const longest = Math.max(a.length, b.length);
  return a !== b && Math.abs(a.length - b.length) <= 1 && common(a, 0, a.length, b, 0, b.length) >= longest - 1;
}

/**
 * Ratcliff-Obershelp similarity: twice the characters in common blocks over all characters.
 * @param least the result is exact only if it is at least this
 */
function similarity(a: string, b: string, least: number): number {
  const length = a.length + b.length;
  if (length === 0) return 1;
  if ((2 * Math.min(a.length, b.length)) / length < least) return 0;
  return (2 * common(a, 0, a.length, b, 0, b.length)) / length;
}

function common(a: string, aStart: number, aEnd: number, b: string, bStart: number, bEnd: number): number {
  let best = 0;
  let [bestA, bestB] = [aStart, bStart];
  for (let i = aStart; i < aEnd; i++) {
    for (let j = bStart; j < bEnd; j++) {
      let length = 0;
      while (i + length < aEnd && j + length < bEnd && a[i + length] === b[j + length]) length++;
      if (length > best) [best, bestA, bestB] = [length, i, j];
    }
  }
  if (best === 0) return 0;
  return best + common(a, aStart, bestA, b, bStart, bestB) + common(a, bestA + best, aEnd, b, bestB + best, bEnd);
}
