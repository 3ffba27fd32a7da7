// The names in a file that belong to the project: where they are, and what they name. Nothing is looked up here.

/** Offsets in the text with normalized line breaks. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** What has columns, as it is named in a file. */
export type Owner =
  | { readonly kind: 'ref'; readonly name: string; readonly package: string | null; readonly version: string | null }
  | { readonly kind: 'source'; readonly source: string; readonly table: string }
  | { readonly kind: 'entry'; readonly type: string; readonly name: string };

export type NamedThing =
  | Owner
  | { readonly kind: 'macro'; readonly name: string; readonly package: string | null }
  | { readonly kind: 'test'; readonly name: string; readonly package: string | null }
  | { readonly kind: 'var'; readonly name: string }
  | { readonly kind: 'doc'; readonly name: string; readonly package: string | null }
  | { readonly kind: 'column'; readonly owner: Owner; readonly name: string };

export interface NameUse extends Span {
  readonly thing: NamedThing;
  /** The thing is defined or described here. */
  readonly defines: boolean;
}
