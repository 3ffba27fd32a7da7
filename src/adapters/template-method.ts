// A dialect's own methods of `adapter`, as data: name, Python signature, implementation, and dbt's answer during
// parsing. context/adapter-object.ts binds the arguments.
import type { RuntimeConfig } from '../contracts/project.ts';
import type { Value } from '../values/value.ts';
import type { ConstraintWarning } from './constraints.ts';
import type { SqlAdapter } from './sql-adapter.ts';

/** The context of a call. */
export interface MethodCall {
  /** Database and session of the node. Reading it during parsing is an error: such a method has a `parsing` answer. */
  readonly sql: SqlAdapter;
  readonly config: RuntimeConfig;
  /** Receives constraints that the database does not enforce. */
  readonly onConstraint: ConstraintWarning;
  /** Receives a secret in the SQL, which every output masks. */
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
  /** The answer during parsing, whatever the arguments; absent: the method runs then as well. */
  readonly parsing?: () => Value;
}

/** Methods by name; they override the general ones. */
export type TemplateMethods = Readonly<Record<string, TemplateMethod>>;
