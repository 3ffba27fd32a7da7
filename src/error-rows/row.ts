// One row of the table of errors. What the rows say is in the files beside this one and in error-table.ts.
import type { ErrorKind } from '../errors.ts';

/** One error. Facts are put into the texts as they are, so that a page of them can be made with their names. */
export interface ErrorRow<F extends object> {
  readonly code: string;
  readonly kind: ErrorKind;
  readonly text: (facts: F) => string;
  readonly hint: ((facts: F) => string) | undefined;
}

/** A fact of a text. */
type Fact = string | number;
export type Facts<N extends string> = Readonly<Record<N, Fact>>;

export function row<F extends object = object>(
  code: string,
  kind: ErrorKind,
  text: (facts: F) => string,
  hint?: (facts: F) => string,
): ErrorRow<F> {
  return { code, kind, text, hint };
}
