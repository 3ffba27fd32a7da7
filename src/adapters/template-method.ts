// Methods of `adapter` that a dialect adds for its macros, as data: name, Python signature, work, and dbt's answer
// while parsing. context/adapter-object.ts binds the arguments.
import type { RuntimeConfig } from '../contracts/project.ts';
import type { Value } from '../values/value.ts';
import type { ConstraintWarning } from './constraints.ts';
import type { SqlAdapter } from './sql-adapter.ts';

/** The context of a call. */
export interface MethodCall {
  /** Database and session of the node. Reading it while parsing is an error: such a method has a `parsing` answer. */
  readonly sql: SqlAdapter;
  readonly config: RuntimeConfig;
  /** Warns of constraints that the database will not hold. */
  readonly onConstraint: ConstraintWarning;
  /** Takes a secret that the SQL holds: every output masks it. */
  readonly onSecret: (secret: string) => void;
  /** Logs a warning. */
  warn(message: string): void;
  /** Now, in milliseconds since 1970. */
  readonly now: () => number;
}

export interface TemplateMethod {
  /** Python's parameters: `strategy, predicates=None, **kwargs`. */
  readonly signature: string;
  run(call: MethodCall, ...args: Value[]): Value | Promise<Value>;
  /** The answer while parsing, whatever the arguments; absent: the method runs then, too. */
  readonly parsing?: () => Value;
}

/** Methods by name; they replace the engine's own. */
export type TemplateMethods = Readonly<Record<string, TemplateMethod>>;
