// The functions of ClickHouse's engine: which are aggregates, and which only change a type.
import type { ParsingEngine } from '../column-lineage.ts';

/** Words that a parenthesis can follow. */
const KEYWORDS = (
  'all and any as between case cast div else except filter from in interval like mod not on or over select then ' +
  'when'
).split(' ');

/** Functions that the engine has. */
export class EngineFunctions {
  readonly #aggregates: ReadonlySet<string>;
  readonly #caseless: ReadonlySet<string>;
  readonly #combinators: readonly string[];
  /** Names of functions and types, in lower case. */
  readonly #known: ReadonlySet<string>;

  private constructor(names: readonly string[][], combinators: readonly string[], known: readonly string[]) {
    this.#aggregates = new Set(names.map(([name = '']) => name));
    this.#caseless = new Set(names.flatMap(([name = '', caseless]) => (caseless === '1' ? name.toLowerCase() : [])));
    this.#combinators = [...combinators].sort((one, other) => other.length - one.length);
    this.#known = new Set([...known.map((name) => name.toLowerCase()), ...KEYWORDS]);
  }

  static async read(engine: ParsingEngine): Promise<EngineFunctions> {
    const names = await engine.ask(
      "SELECT concat(name, ' ', toString(case_insensitive)) FROM system.functions WHERE is_aggregate",
    );
    const combinators = await engine.ask('SELECT name FROM system.aggregate_function_combinators');
    const known = await engine.ask(
      'SELECT name FROM system.functions UNION ALL SELECT name FROM system.data_type_families',
    );
    return new EngineFunctions(
      linesOf(names).map((line) => line.split(' ')),
      linesOf(combinators),
      linesOf(known),
    );
  }

  /** Functions of users may contain `arrayJoin`. */
  returnsOneValue(name: string): boolean {
    if (/^(?:arrayJoin|apply)$/i.test(name)) return false;
    return this.#known.has(name.toLowerCase()) || this.combinatorsOf(name) !== null;
  }

  /**
   * The combinators of an aggregate function, the last first: `sumArrayIf` has `If`, `Array`.
   * @returns null if it is not an aggregate function
   */
  combinatorsOf(name: string): string[] | null {
    if (this.#aggregates.has(name) || this.#caseless.has(name.toLowerCase())) return [];
    for (const combinator of this.#combinators) {
      if (!name.endsWith(combinator) || name.length === combinator.length) continue;
      const others = this.combinatorsOf(name.slice(0, -combinator.length));
      if (others !== null) return [combinator, ...others];
    }
    return null;
  }
}

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

/** Functions that only change the type of their first argument. */
const CASTS = new Set(
  (
    'CAST _CAST accurateCast toBFloat16 toBool toDate toDate32 toDateTime toDateTime32 toDateTime64 toDecimal32 ' +
    'toDecimal64 toDecimal128 toDecimal256 toFixedString toFloat32 toFloat64 toIPv4 toIPv6 toInt8 toInt16 toInt32 ' +
    'toInt64 toInt128 toInt256 toLowCardinality toNullable toString toUInt8 toUInt16 toUInt32 toUInt64 toUInt128 ' +
    'toUInt256 toUUID'
  ).split(' '),
);

export function isCast(name: string): boolean {
  return CASTS.has(name);
}
