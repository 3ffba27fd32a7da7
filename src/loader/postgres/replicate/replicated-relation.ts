// The columns of a replicated table: how the text of each type's value is written as JSON, and which columns identify a
// row. Pure.

import { TsdbtError } from '../../../errors.ts';

/** How a value's text becomes JSON. */
export type TextKind = 'number' | 'boolean' | 'bytes' | 'time' | 'text';

/** What the catalog knows about a type. */
export interface SourceType {
  readonly kind: TextKind;
  /** The type of the items, and the character between them; null: it is not an array. */
  readonly array: { readonly item: TextKind; readonly delimiter: string } | null;
}

export interface ReplicatedColumn {
  readonly name: string;
  readonly type: SourceType;
  /** `"name":` */
  readonly label: Buffer;
  /** Whether the log has its value before each update and delete. */
  readonly inIdentity: boolean;
}

const TEXT: SourceType = { kind: 'text', array: null };
// A numeric is a text, which keeps its scale.
const NUMBERS = [20, 21, 23, 26, 700, 701];
const TIMES = [1114, 1184];
const KINDS: ReadonlyMap<number, TextKind> = new Map<number, TextKind>([
  ...NUMBERS.map((oid) => [oid, 'number'] as const),
  ...TIMES.map((oid) => [oid, 'time'] as const),
  [16, 'boolean'],
  [17, 'bytes'],
]);

/** Bytes of a name as JSON: a row can have a column for each of its bytes, and each column's name is written. */
const MOST_LABEL_BYTES = 512;

/** How values of a built-in type are written; every other type is a text. */
export function textKind(oid: number): TextKind {
  return KINDS.get(oid) ?? 'text';
}

/**
 * @param types of the catalog, for arrays and domains
 * @throws `runtime` error for a name that is longer than those of Postgres
 */
export function replicatedColumn(
  name: string,
  oid: number,
  inIdentity: boolean,
  types: ReadonlyMap<number, SourceType>,
): ReplicatedColumn {
  const kind = KINDS.get(oid);
  const label = Buffer.from(`${JSON.stringify(name)}:`);
  if (label.length > MOST_LABEL_BYTES)
    throw new TsdbtError('runtime', `the source has a column whose name has ${name.length} characters`);
  return {
    name,
    type: kind === undefined ? (types.get(oid) ?? TEXT) : { kind, array: null },
    label,
    inIdentity,
  };
}

/** Postgres's own limit. */
const MOST_DIMENSIONS = 6;
const NUMBER = /^-?\d/;
const MOMENT = /^(\d{4,}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)(\+00)?$/;

/** The JSON of a value's text. Numbers keep all their digits; NaN and infinities are texts. */
export function jsonOfText(text: string, { kind, array }: SourceType): string {
  if (array !== null) return jsonOfArray(text, array.item, array.delimiter);
  switch (kind) {
    case 'number':
      return NUMBER.test(text) ? text : JSON.stringify(text);
    case 'boolean':
      return text === 't' ? 'true' : 'false';
    case 'bytes':
      return JSON.stringify(text.replace(/^\\x/, ''));
    case 'time':
      return JSON.stringify(
        text.replace(MOMENT, (_, day, time, zone) => `${day}T${time}${zone === undefined ? '' : 'Z'}`),
      );
    default:
      return JSON.stringify(text);
  }
}

/** Reads the text of an array, such as `{1,NULL,"a,b"}` or `[0:1]={1,2}`; JSON has no lower bounds. */
function jsonOfArray(text: string, item: TextKind, delimiter: string): string {
  const type: SourceType = { kind: item, array: null };
  let at = text.indexOf('{');
  const list = (depth: number): string => {
    if (depth > MOST_DIMENSIONS)
      throw new TsdbtError('runtime', `the source sent an array that is nested deeper than ${MOST_DIMENSIONS}`);
    const items: string[] = [];
    at++;
    while (at < text.length && text[at] !== '}') {
      if (text[at] === '{') items.push(list(depth + 1));
      else if (text[at] === '"') items.push(jsonOfText(quoted(), type));
      else {
        const start = at;
        while (text[at] !== delimiter && text[at] !== '}' && at < text.length) at++;
        const word = text.slice(start, at);
        items.push(word === 'NULL' ? 'null' : jsonOfText(word, type));
      }
      if (text[at] === delimiter) at++;
    }
    at++;
    return `[${items.join(',')}]`;
  };
  const quoted = (): string => {
    let value = '';
    for (at++; at < text.length && text[at] !== '"'; at++) {
      if (text[at] === '\\') at++;
      value += text[at];
    }
    at++;
    return value;
  };
  return list(1);
}
