// The `loop` variable of a `for`, and the lazily filtered items of a `for … if`.
import { equals } from '../values/equality.ts';
import { iterate, lengthOf } from '../values/iterate.ts';
import { JinjaError, typeError } from '../values/python-error.ts';
import { PyTuple } from '../values/tuple.ts';
import type { UndefinedFactory } from '../values/undefined.ts';
import type { Callable, HostObject, Value } from '../values/value.ts';
import { repack, type Shape } from './unpack.ts';

/** Runs the body of a recursive loop over other items, one level deeper. */
export type Recursion = (items: Value, depth: number) => Value | Generator<unknown, Value, unknown>;

/** Whether an item passes the loop's condition. */
export type Condition = (item: Value) => boolean | Generator<unknown, boolean, unknown>;

/** Position and neighbours of the current item. */
export class LoopContext implements HostObject {
  readonly jinjaType = 'jinja2.runtime.LoopContext';
  /** The current item. */
  current: Value = null;
  #index0 = -1;
  /** The next item, if it was requested. */
  #after: Value | undefined;
  /** The iterated value, if its length is known without iterating. */
  #sized: Value | undefined;
  #count: number | undefined;
  /** A list that is read from `position` on. It may grow during the loop. */
  #list: readonly Value[] | undefined;
  #position = 0;
  readonly #items: Iterator<Value> | undefined;
  #before: Value = null;
  readonly #depth0: number;
  readonly #recursion: Recursion | null;
  readonly #makeUndefined: UndefinedFactory;
  #lastChanged: readonly Value[] | undefined;

  /** @param items a value to iterate, or the items that pass a condition */
  constructor(
    items: Value | FilteredItems,
    depth0: number,
    recursion: Recursion | null,
    makeUndefined: UndefinedFactory,
  ) {
    this.#depth0 = depth0;
    this.#recursion = recursion;
    this.#makeUndefined = makeUndefined;
    if (items instanceof FilteredItems) {
      this.#items = items;
      return;
    }
    const visited = iterate(items);
    this.#sized = items;
    if (Array.isArray(visited)) this.#list = visited;
    else this.#items = visited[Symbol.iterator]();
  }

  /** Advances to the next item; returns false at the end. */
  advance(): boolean {
    const next = this.#after === undefined ? this.#fetch() : this.#after;
    this.#after = undefined;
    if (next === undefined) return false;
    this.#index0++;
    this.#before = this.current;
    this.current = next;
    return true;
  }

  /** Returns the next item without consuming it. */
  #fetch(): Value | undefined {
    const list = this.#list;
    if (list === undefined) {
      const step = this.#items?.next();
      return step === undefined || step.done === true ? undefined : step.value;
    }
    if (this.#position < list.length) return list[this.#position++];
    // A Python list iterator that reached the end stays there, even if the list grows.
    this.#position = Infinity;
    return undefined;
  }

  /** Reads the next items of a loop whose condition may have to await: one, or all. */
  *prepare(count: number): Generator<unknown, void, unknown> {
    if (this.#items instanceof FilteredItems && (this.#after === undefined || count > 1))
      yield* this.#items.prepare(count);
  }

  /** Returns the loop for code that cannot await. If the condition may have to await, it reads all items now. */
  *shared(): Generator<unknown, this, unknown> {
    if (this.#items instanceof FilteredItems && this.#items.waits) yield* this.#items.prepare(Infinity);
    return this;
  }

  #peek(): Value | undefined {
    if (this.#after === undefined) this.#after = this.#fetch();
    return this.#after;
  }

  #length(): number {
    if (this.#count !== undefined) return this.#count;
    if (
      this.#sized !== undefined &&
      (typeof this.#sized !== 'object' ||
        this.#sized === null ||
        Array.isArray(this.#sized) ||
        this.#sized.jinjaLength !== undefined)
    ) {
      return (this.#count = lengthOf(this.#sized));
    }
    const rest: Value[] = [];
    for (let item = this.#fetch(); item !== undefined; item = this.#fetch()) rest.push(item);
    this.#list = rest;
    this.#position = 0;
    return (this.#count = rest.length + this.#index0 + 1 + (this.#after === undefined ? 0 : 1));
  }

  jinjaGet(name: string): Value | undefined {
    const index0 = this.#index0;
    switch (name) {
      case 'index':
        return index0 + 1;
      case 'index0':
        return index0;
      case 'revindex':
        return this.#length() - index0;
      case 'revindex0':
        return this.#length() - index0 - 1;
      case 'first':
        return index0 === 0;
      case 'last':
        return this.#peek() === undefined;
      case 'length':
        return this.#length();
      case 'depth':
        return this.#depth0 + 1;
      case 'depth0':
        return this.#depth0;
      case 'previtem':
        return index0 === 0 ? this.#makeUndefined(undefined, 'there is no previous item') : this.#before;
      case 'nextitem': {
        const next = this.#peek();
        return next === undefined ? this.#makeUndefined(undefined, 'there is no next item') : next;
      }
      case 'cycle':
        return this.#cycle;
      case 'changed':
        return this.#changed;
      default:
        return undefined;
    }
  }

  jinjaText(): string {
    return `<LoopContext ${this.#index0 + 1}/${this.#length()}>`;
  }

  jinjaLength(): number {
    return this.#length();
  }

  /** The remaining items. Reading them advances the loop. */
  *jinjaIter(): Generator<Value, void, undefined> {
    while (this.advance()) yield new PyTuple([this.current, this]);
  }

  /** `loop(items)` in a recursive loop. */
  readonly jinjaCall: Callable = (args) => {
    if (this.#recursion === null)
      throw typeError("The loop must have the 'recursive' marker to be called recursively.");
    if (args[0] === undefined)
      throw typeError("LoopContext.__call__() missing 1 required positional argument: 'iterable'");
    return this.#recursion(args[0], this.#depth0 + 1);
  };

  readonly #cycle: Callable = (args) => {
    if (args.length === 0) throw typeError('no items for cycling given');
    return args[this.#index0 % args.length] as Value;
  };

  readonly #changed: Callable = (args) => {
    const before = this.#lastChanged;
    if (before !== undefined && equals(new PyTuple(before), new PyTuple(args))) return false;
    this.#lastChanged = args;
    return true;
  };
}

/** The items of a `for` that pass its `if`. */
export class FilteredItems implements Iterator<Value> {
  readonly #shape: Shape;
  readonly #source: Value;
  readonly #passes: Condition;
  readonly #placed: (error: unknown) => unknown;
  #items: Iterator<Value> | undefined;
  /** Items that were read ahead. */
  readonly #ready: Value[] = [];
  /** Whether a condition had to await. */
  waits = false;

  /**
   * @param shape how the loop's target unpacks an item
   * @param placed adds the condition's line to an error
   */
  constructor(source: Value, passes: Condition, shape: Shape, placed: (error: unknown) => unknown) {
    this.#source = source;
    this.#passes = passes;
    this.#shape = shape;
    this.#placed = placed;
  }

  next(): IteratorResult<Value, undefined> {
    const step = this.#later().next();
    if (step.done !== true)
      throw new JinjaError(
        'TemplateRuntimeError',
        "the loop's condition has to wait for an answer where its next item is asked for: make a list of the " +
          'items before the loop',
      );
    return step.value === undefined ? { done: true, value: undefined } : { done: false, value: step.value };
  }

  /** Reads `count` items ahead and awaits their conditions where necessary. */
  *prepare(count: number): Generator<unknown, void, unknown> {
    while (this.#ready.length < count) {
      const item = yield* this.#read();
      if (item === undefined) return;
      this.#ready.push(item);
    }
  }

  *#later(): Generator<unknown, Value | undefined, unknown> {
    return this.#ready.length > 0 ? this.#ready.shift() : yield* this.#read();
  }

  *#read(): Generator<unknown, Value | undefined, unknown> {
    try {
      this.#items ??= iterate(this.#source)[Symbol.iterator]();
      for (let step = this.#items.next(); step.done !== true; step = this.#items.next()) {
        const passed = this.#passes(step.value);
        if (typeof passed === 'boolean' ? passed : yield* this.#waiting(passed)) return repack(step.value, this.#shape);
      }
      return undefined;
    } catch (error) {
      throw this.#placed(error);
    }
  }

  /** Delegates like `yield*`, and records whether there was anything to await. */
  *#waiting(passed: Generator<unknown, boolean, unknown>): Generator<unknown, boolean, unknown> {
    let step = passed.next();
    while (step.done !== true) {
      this.waits = true;
      let answer: unknown;
      try {
        answer = yield step.value;
      } catch (error) {
        step = passed.throw(error);
        continue;
      }
      step = passed.next(answer);
    }
    return step.value;
  }
}
