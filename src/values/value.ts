// The protocol of values that templates compute with: which JavaScript values stand for which Python values, and what
// an object must implement to be visible to a template. Types only; operations on values are in the other files of this
// folder.

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

/** Keyword arguments of a call, in the order written. */
export type Kwargs = ReadonlyMap<string, Value>;

/**
 * Something a template can call. A generator is driven by the caller (it yields promises only); a promise is awaited by
 * the asynchronous driver and is an error in the synchronous one.
 */
export interface Callable {
  (args: readonly Value[], kwargs: Kwargs): Value | Promise<Value> | Generator<unknown, Value, unknown>;
  /** One object, because closures set on a function as properties keep it alive until V8's next full collection. */
  face?: CallableFace;
}

/** How a callable looks to a template. */
export interface CallableFace {
  /** Attributes that a template may read from the callable (a macro's `name`, `arguments` …). */
  get?(name: string): Value | undefined;
  /** Name of the Python type, for error messages; default `function`. */
  readonly type?: string;
  /** Text of `{{ f }}`; default `<function NAME>`. */
  text?(): string;
}

/**
 * An object that templates may touch. A template reaches only what these methods return. Every method but the first two
 * is optional; a missing one means that the operation raises as Python would (`jinjaTruth` defaults to true).
 */
export interface HostObject {
  /** Name of the Python type, for error messages (`'dict object' has no attribute 'x'` takes its text from here). */
  readonly jinjaType: string;
  /** `x is mapping`, for objects other than dicts. */
  readonly jinjaIsMapping?: boolean;
  /** Attribute `name`, or `undefined` when there is none. */
  jinjaGet(name: string): Value | undefined;
  /** `obj[key]`, or `undefined` when there is none. */
  jinjaItem?(key: Value): Value | undefined;
  /** The hint of an error about an attribute that is not there. */
  jinjaSuggest?(name: string): string | undefined;
  /** `str(obj)`. */
  jinjaText?(): string;
  /** `repr(obj)`; default is the text. */
  jinjaRepr?(): string;
  jinjaTruth?(): boolean;
  jinjaLength?(): number;
  jinjaIter?(): Iterable<Value>;
  jinjaContains?(item: Value): boolean;
  /** `obj == other`; default is identity. */
  jinjaEquals?(other: Value): boolean;
  /** A string equal for equal objects, used as a dict key; absent means unhashable. */
  jinjaHash?(): string;
  /** The plain value that is the same dict key, if there is one. */
  jinjaKey?(): Value | undefined;
  /** Negative, zero, positive; `undefined` when not comparable. */
  jinjaCompare?(other: Value): number | undefined;
  /** `obj op other`, or `other op obj` when reflected; `undefined` when not supported. */
  jinjaBinary?(op: '+' | '-' | '*' | '/' | '//' | '%' | '**', other: Value, reflected: boolean): Value | undefined;
  jinjaUnary?(op: '+' | '-'): Value | undefined;
  /** Makes the object callable. */
  jinjaCall?: Callable;
  /** What `tojson` and artifacts write; default is the text. */
  toJsonValue?(): unknown;
}
