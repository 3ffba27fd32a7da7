// The type of a row in the table of errors. The other files of this folder and error-table.ts hold the rows.
import type { ErrorKind } from '../errors.ts';

/** One error. Its texts insert facts unchanged, so that the documentation can insert the facts' names. */
export interface ErrorRow<F extends object> {
  readonly code: string;
  readonly kind: ErrorKind;
  readonly text: (facts: F) => string;
  readonly hint: ((facts: F) => string) | undefined;
}

/** A value inserted into a text. */
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
