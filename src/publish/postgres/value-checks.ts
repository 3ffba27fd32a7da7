// Properties of Postgres types for targets with other types: digits, and checks for values that a target cannot hold.

/** A check of values: a Postgres SQL condition for values that the target cannot hold, and the reason. */
export type Misfit = readonly [condition: string, why: string];

/** Checks for times not from `first` until `last`, as dates; infinity is outside, too. @param type of the value */
export function outsideOf(value: string, type: string, [first, last]: readonly [string, string]): Misfit {
  return [
    `not (${value} >= ${type} '${first}' and ${value} < ${type} '${last}')`,
    `it holds times from ${first} until ${last}`,
  ];
}

export function noNumber(value: string): Misfit {
  return [`${value} in ('NaN', 'Infinity', '-Infinity')`, 'a decimal is a number'];
}

/** Digits of a numeric. @returns a text: why it is not a decimal with at most that many digits */
export function digitsOf(type: string, most: number): { readonly precision: number; readonly scale: number } | string {
  const [precision, scale] = (/\((\d+),(-?\d+)\)/.exec(type) ?? []).slice(1).map(Number);
  if (precision === undefined || scale === undefined)
    return 'it has no precision; cast it to numeric(38, 9) or the like in the model';
  return precision > most || scale < 0 || scale > precision
    ? `a decimal has at most ${most} digits`
    : { precision, scale };
}
