// Python's difflib.get_close_matches: which known words are near to a mistyped one.

/**
 * The best matches of a word, best first.
 * @param limit at most so many
 * @param cutoff least similarity, 0 to 1
 */
export function closeMatches(word: string, known: readonly string[], limit = 3, cutoff = 0.6): string[] {
  const scored = known
    .map((candidate) => ({ candidate, score: similarity(candidate, word) }))
    .filter(({ score }) => score >= cutoff);
  scored.sort((a, b) => b.score - a.score || (a.candidate < b.candidate ? 1 : -1));
  return scored.slice(0, limit).map(({ candidate }) => candidate);
}

/** Twice the characters in common blocks over all characters (Ratcliff and Obershelp). */
function similarity(a: string, b: string): number {
  return a.length + b.length === 0 ? 1 : (2 * common(a, 0, a.length, b, 0, b.length)) / (a.length + b.length);
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
