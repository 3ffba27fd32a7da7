// "Did you mean": matches as Python's difflib gives them, and the one name that errors suggest.
import { describe, expect, it } from 'vitest';
import { closeMatches, closestName, didYouMean, oneLetterApart } from '../../../../src/values/close-matches.ts';

describe('closeMatches', () => {
  // As difflib.get_close_matches of Python 3.11.
  it.each<[string, string[], string[]]>([
    ['appel', ['ape', 'apple', 'peach', 'puppy'], ['apple', 'ape']],
    ['--selct', ['--select', '--selector', '--exclude', '--defer'], ['--select', '--selector']],
    ['abc', ['abd', 'abe', 'xyz'], ['abe', 'abd']],
    ['wheel', ['while', 'whale', 'hello', 'heel'], ['heel', 'while', 'whale']],
    ['none', [], []],
  ])('for %s in %j returns %j', (word, known, matches) => expect(closeMatches(word, known)).toEqual(matches));
});

describe('closestName', () => {
  const names = ['orders', 'customers', 'stg_orders', 'payments'];

  it.each<[string, string | undefined]>([
    ['custmers', 'customers'],
    ['Orders', 'orders'],
    ['order', 'orders'],
    ['stg_order', 'stg_orders'],
    ['x', undefined],
    ['oders', 'orders'],
    ['user', undefined],
    // Names that share a part are not misspelt for that.
    ['stg_customers', 'customers'],
    ['stg_refunds', undefined],
    ['orders', undefined],
  ])('for %s returns %s', (name, close) => expect(closestName(name, names)).toBe(close));

  it('tolerates one wrong letter in a short word, but not two', () => {
    expect(closestName('viev', ['view', 'set'])).toBe('view');
    expect(closestName('tga', ['tag'])).toBe('tag');
    expect(closestName('cent', ['set'])).toBeUndefined();
  });

  it('is the basis of the hint', () => {
    expect(didYouMean('paymets', names)).toBe("did you mean 'payments'?");
    expect(didYouMean('nothing', names)).toBeUndefined();
  });
});

describe('oneLetterApart', () => {
  it.each(['materialised', 'materializd', 'materiialized', 'materailized'])('accepts %s for materialized', (word) =>
    expect(oneLetterApart(word, 'materialized')).toBe(true),
  );
  it.each(['materialized', 'material', 'matreialised', ''])('rejects %j', (word) =>
    expect(oneLetterApart(word, 'materialized')).toBe(false),
  );
  it('rejects updated_by for updated_at', () => expect(oneLetterApart('updated_by', 'updated_at')).toBe(false));
});
