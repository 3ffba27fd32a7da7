// What the types of a Postgres say of their values, for receivers of other types: digits, and values without a place.

/** A check of values: true for those that have no place, as Postgres' SQL, and why. */
export type Misfit = readonly [condition: string, why: string];

/** Times from `first` until `last`, as dates; infinity is outside of it, too. @param type of the value */
export function outsideOf(value: string, type: string, [first, last]: readonly [string, string]): Misfit {
  return [
    `not (${value} >= ${type} '${first}' and ${value} < ${type} '${last}')`,
    `it holds times from ${first} until ${last}`,
  ];
}

export function noNumber(value: string): Misfit {
  return [`${value} in ('NaN', 'Infinity', '-Infinity')`, 'a decimal is a number'];
}

/** Digits of a numeric. @returns a text: why it is no decimal of so many digits */
export function digitsOf(type: string, most: number): { readonly precision: number; readonly scale: number } | string {
  const [precision, scale] = (/\((\d+),(-?\d+)\)/.exec(type) ?? []).slice(1).map(Number);
  if (precision === undefined || scale === undefined)
    return 'it has no precision; cast it to numeric(38, 9) or the like in the model';
  return precision > most || scale < 0 || scale > precision
    ? `a decimal has at most ${most} digits`
    : { precision, scale };
}
