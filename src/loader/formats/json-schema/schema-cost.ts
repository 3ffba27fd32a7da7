// Estimates from a JSON Schema alone how long the validation of a message may take. Most schemas are certainly quick
// for ordinary messages, and need no time limit. In doubt a schema is not. Pure.
import { isDictionary } from '../../../values/is-dictionary.ts';

/** Maximum steps of a validation without a time limit: some hundredths of a second. */
const MOST_STEPS = 1e7;
/** Maximum optional parts and alternatives of a pattern, each of which may double the work. */
const MOST_CHOICES = 6;

/** Whether a message of this many bytes is certainly validated quickly. */
export type IsQuick = (bytes: number) => boolean;

/** @param schema alone, without others that it references */
export function quickness(schema: unknown): IsQuick {
  const cost = new Cost(schema);
  const places = cost.of(schema);
  const { degree } = cost;
  return (bytes) => places * bytes <= MOST_STEPS && bytes ** degree <= MOST_STEPS;
}

class Cost {
  readonly #root: unknown;
  readonly #known = new Map<unknown, number>();
  /** The greatest power of a text's length that a pattern needs. */
  degree = 1;

  constructor(root: unknown) {
    this.#root = root;
  }

  /** Number of places in the schema that may validate a value; infinite if references form a cycle. */
  of(schema: unknown): number {
    if (typeof schema !== 'object' || schema === null) return 1;
    const known = this.#known.get(schema);
    if (known !== undefined) return known;
    this.#known.set(schema, Number.POSITIVE_INFINITY);
    let sum = 1;
    for (const [key, value] of Object.entries(schema)) {
      if (key === 'pattern' && typeof value === 'string') this.#pattern(value);
      if (key === 'patternProperties' && isDictionary(value)) for (const pattern in value) this.#pattern(pattern);
      sum += key.startsWith('$') && key.endsWith('ef') ? this.of(this.#referenced(value)) : this.of(value);
    }
    this.#known.set(schema, sum);
    return sum;
  }

  /** The target of a reference; for one to anywhere else the root, whose cost is not known yet. */
  #referenced(reference: unknown): unknown {
    let found = this.#root;
    for (const step of typeof reference === 'string' && reference.startsWith('#/') ? reference.slice(2).split('/') : [])
      found = typeof found === 'object' && found !== null ? new Map(Object.entries(found)).get(step) : undefined;
    return typeof found === 'object' && found !== null ? found : this.#root;
  }

  #pattern(source: string): void {
    this.degree = Math.max(this.degree, degreeOf(source));
  }
}

/** The power of a text's length that bounds the steps of a search; infinite: unbounded. */
function degreeOf(source: string): number {
  // A backreference, a lookaround, or a named group.
  if (/\\[1-9k]|\(\?[^:]/.test(source)) return Number.POSITIVE_INFINITY;
  const plain = source
    .replace(/\\(?:[pPu]\{[^{}]{0,99}\}|.)/gsu, 'a')
    .replace(/\[[^\]]{0,299}\]/g, 'a')
    .replaceAll('(?:', '(')
    .replace(/([^)])\{\d{1,2}\}/g, '$1');
  const choices = plain.match(/[?|]/g)?.length ?? 0;
  if (choices > MOST_CHOICES || /\)[*+{]|\[/.test(plain)) return Number.POSITIVE_INFINITY;
  const repeated = plain.match(/[*+{]/g)?.length ?? 0;
  return repeated + (plain.startsWith('^') && !plain.includes('|') ? 0 : 1);
}
