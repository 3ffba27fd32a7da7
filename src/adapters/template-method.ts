// Methods of `adapter` that a dialect adds for its macros, as data: name, Python signature, what it does, what dbt
// answers instead while parsing. Binding of arguments is left to context/adapter-object.ts.
import type { RuntimeConfig } from '../contracts/project.ts';
import type { Value } from '../values/value.ts';
import type { ConstraintWarning } from './constraints.ts';
import type { SqlAdapter } from './sql-adapter.ts';

/** What a method works on. */
export interface MethodCall {
  /** Database and session of the node. Reading it while parsing is an error: such a method has a `parsing` answer. */
  readonly sql: SqlAdapter;
  readonly config: RuntimeConfig;
  /** Tells of constraints that the database will not hold. */
  readonly onConstraint: ConstraintWarning;
  /** Writes a line of a level to the log. */
  warn(message: string): void;
  /** Now, in milliseconds since 1970. */
  readonly now: () => number;
}

export interface TemplateMethod {
  /** Python's parameters: `strategy, predicates=None, **kwargs`. */
  readonly signature: string;
  run(call: MethodCall, ...args: Value[]): Value | Promise<Value>;
  /** The answer while parsing, whatever the arguments; absent: it runs then, too. */
  readonly parsing?: () => Value;
}

/** By name. One that the engine has, too, is replaced. */
export type TemplateMethods = Readonly<Record<string, TemplateMethod>>;
