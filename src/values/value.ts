// The protocol of template values: which JavaScript values represent which Python values, and what an object must
// implement to be visible to a template. Types only; the operations are in the other files of this folder.

/**
 * A value as a template sees it.
 *
 * | Python | here |
 * |---|---|
 * | None | `null` |
 * | bool, str | `boolean`, `string` |
 * | int | integral `number` up to 2^53, `bigint` beyond |
 * | float | non-integral `number` (and inf, nan); an integral float is a `PyFloat` |
 * | list | JavaScript array (mutable, shared by reference) |
 * | dict, tuple, set, range, Decimal, datetime … | classes of this folder, all `HostObject`s |
 * | function, macro, method | `Callable` |
 * | jinja2's Undefined | `Undefined` (a `HostObject`) |
 *
 * A plain JavaScript object is never a value: it has no way into a template.
 */
export type Value = null | boolean | number | bigint | string | Value[] | HostObject | Callable;

/** Keyword arguments of a call, in source order. */
export type Kwargs = ReadonlyMap<string, Value>;

/**
 * The result of a call. A generator is driven by the caller (it yields only promises). A promise is awaited by the
 * asynchronous driver and is an error in the synchronous one.
 */
export interface Callable {
  (args: readonly Value[], kwargs: Kwargs): Value | Promise<Value> | Generator<unknown, Value, unknown>;
  /**
   * All facts in one object: V8 keeps closures that are properties of a function alive until its next full collection.
   */
  face?: CallableFace;
}

/** How a callable appears to a template. */
export interface CallableFace {
  /** Attributes that a template can read from the callable (a macro's `name`, `arguments` …). */
  get?(name: string): Value | undefined;
  /** Name of the Python type, for error messages; default `function`. */
  readonly type?: string;
  /** Text of `{{ f }}`; default `<function NAME>`. */
  text?(): string;
}

/**
 * An object that templates can use. A template reaches only what these methods return. All methods except the first two
 * are optional: without one, the operation raises as in Python (`jinjaTruth` defaults to true).
 */
export interface HostObject {
  /** Name of the Python type in error messages: `'dict object' has no attribute 'x'`. */
  readonly jinjaType: string;
  /** `x is mapping`, for objects other than dicts. */
  readonly jinjaIsMapping?: boolean;
  /** Attribute `name`, or `undefined` if it does not exist. */
  jinjaGet(name: string): Value | undefined;
  /** `obj[key]`, or `undefined` if it does not exist. */
  jinjaItem?(key: Value): Value | undefined;
  /** The hint of an error about a missing attribute. */
  jinjaSuggest?(name: string): string | undefined;
  /** `str(obj)`. */
  jinjaText?(): string;
  /** `repr(obj)`; defaults to the text. */
  jinjaRepr?(): string;
  jinjaTruth?(): boolean;
  jinjaLength?(): number;
  jinjaIter?(): Iterable<Value>;
  jinjaContains?(item: Value): boolean;
  /** `obj == other`; defaults to identity. */
  jinjaEquals?(other: Value): boolean;
  /** A string that is equal for equal objects, used as a dict key. Absent: the object is not hashable. */
  jinjaHash?(): string;
  /** The plain value that is the same dict key, if there is one. */
  jinjaKey?(): Value | undefined;
  /** Negative, zero or positive; `undefined` if not comparable. */
  jinjaCompare?(other: Value): number | undefined;
  /** `obj op other`, or `other op obj` if reflected; `undefined` if not supported. */
  jinjaBinary?(op: '+' | '-' | '*' | '/' | '//' | '%' | '**', other: Value, reflected: boolean): Value | undefined;
  jinjaUnary?(op: '+' | '-'): Value | undefined;
  /** Makes the object callable. */
  jinjaCall?: Callable;
  /** What `tojson` and artifacts write; defaults to the text. */
  toJsonValue?(): unknown;
}
