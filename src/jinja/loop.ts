// The `loop` variable of a `for`.
import { equals } from '../values/equality.ts';
import { typeError } from '../values/python-error.ts';
import { PyTuple } from '../values/tuple.ts';
import { Undefined, type UndefinedFactory } from '../values/undefined.ts';
import type { Callable, HostObject, Value } from '../values/value.ts';
import { iterate } from '../values/iterate.ts';

/** Runs the body of a recursive loop over other items, one level deeper. */
export type Recursion = (items: Iterable<Value>, depth: number) => Value | Generator<unknown, Value, unknown>;

/** What was thrown, whatever it is. */
export interface LoopFailure { readonly error: unknown }

const LOOKS_TO_THE_END: ReadonlySet<string> = new Set(['length', 'revindex', 'revindex0']);
const LOOKS_AHEAD: ReadonlySet<string> = new Set(['last', 'nextitem']);

/** Position and neighbours of the item of the current round. */
export class LoopContext implements HostObject {
  readonly jinjaType = 'jinja2.runtime.LoopContext';
  /** The item of the current round. */
  current: Value = null;
  private readonly items: readonly Value[];
  private readonly depth0: number;
  private readonly recursion: Recursion | null;
  private readonly makeUndefined: UndefinedFactory;
  private index0 = -1;
  private lastChanged: readonly Value[] | undefined;
  private readonly failure: LoopFailure | undefined;

  /** @param failure what the loop's condition threw after the last of the items */
  constructor(items: Iterable<Value>, depth0: number, recursion: Recursion | null, makeUndefined: UndefinedFactory, failure?: LoopFailure) {
    this.failure = failure;
    this.items = Array.isArray(items) ? (items as readonly Value[]) : Array.from(items);
    this.depth0 = depth0;
    this.recursion = recursion;
    this.makeUndefined = makeUndefined;
  }

  /** Goes to the next item; false when there is none. */
  advance(): boolean {
    this.index0++;
    if (this.index0 >= this.items.length) return this.end();
    this.current = this.items[this.index0] as Value;
    return true;
  }

  /** jinja2 asks the condition of the next item only when that is needed, so an error of it comes after the rounds before it. */
  private end(): false {
    if (this.failure !== undefined) throw this.failure.error;
    return false;
  }

  jinjaGet(name: string): Value | undefined {
    const { index0, items } = this;
    if (this.failure !== undefined && (LOOKS_TO_THE_END.has(name) || (LOOKS_AHEAD.has(name) && index0 >= items.length - 1))) this.end();
    switch (name) {
      case 'index':
        return index0 + 1;
      case 'index0':
        return index0;
      case 'revindex':
        return items.length - index0;
      case 'revindex0':
        return items.length - index0 - 1;
      case 'first':
        return index0 === 0;
      case 'last':
        return index0 === items.length - 1;
      case 'length':
        return items.length;
      case 'depth':
        return this.depth0 + 1;
      case 'depth0':
        return this.depth0;
      case 'previtem':
        return index0 === 0 ? this.makeUndefined(undefined, 'there is no previous item') : items[index0 - 1];
      case 'nextitem':
        return index0 === items.length - 1 ? this.makeUndefined(undefined, 'there is no next item') : items[index0 + 1];
      case 'cycle':
        return this.cycle;
      case 'changed':
        return this.changed;
      default:
        return undefined;
    }
  }

  jinjaText(): string {
    this.end();
    return `<LoopContext ${this.index0 + 1}/${this.items.length}>`;
  }

  jinjaLength(): number {
    this.end();
    return this.items.length;
  }

  /** `loop(items)` in a recursive loop. */
  readonly jinjaCall: Callable = (args) => {
    if (this.recursion === null) throw typeError("The loop must have the 'recursive' marker to be called recursively.");
    if (args[0] === undefined) throw typeError("LoopContext.__call__() missing 1 required positional argument: 'iterable'");
    return this.recursion(args[0] instanceof Undefined ? [] : iterate(args[0]), this.depth0 + 1);
  };

  private readonly cycle: Callable = (args) => {
    if (args.length === 0) throw typeError('no items for cycling given');
    return args[this.index0 % args.length] as Value;
  };

  private readonly changed: Callable = (args) => {
    const before = this.lastChanged;
    if (before !== undefined && equals(new PyTuple(before), new PyTuple(args))) return false;
    this.lastChanged = args;
    return true;
  };
}
