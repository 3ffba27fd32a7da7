// Assigns template names to JavaScript variables, frame by frame, with jinja2's scoping rules: what a `for`, a macro or
// a `with` may see and change, and what a variable holds when its frame begins.
import type { Expr, Node, Stmt } from './ast.ts';
import { children } from './walk.ts';

/** What a variable holds when its frame begins. */
export type Load =
  | { readonly kind: 'parameter' }
  /** Looked up in the globals. */
  | { readonly kind: 'resolve'; readonly name: string }
  /** Initialized from the variable of the outer frame. */
  | { readonly kind: 'alias'; readonly from: string }
  /** Undefined until the first assignment. */
  | { readonly kind: 'missing' };

export interface Reference {
  readonly variable: string;
  readonly load: Load;
  /** Whether the variable belongs to the requesting frame. */
  readonly own: boolean;
}

/** What the branches of an `if` share with the enclosing frame. */
interface Shared {
  readonly variables: Map<string, string>;
  readonly nextId: () => number;
}

export class Symbols {
  readonly parent: Symbols | undefined;
  readonly stores = new Set<string>();
  /** Variables of this frame and their initial values. */
  readonly loads = new Map<string, Load>();
  readonly #refs = new Map<string, string>();
  readonly #shared: Shared;

  constructor(parent: Symbols | undefined, nextId: () => number, shared: Shared = { variables: new Map(), nextId }) {
    this.parent = parent;
    this.#shared = shared;
  }

  inner(): Symbols {
    return new Symbols(this, this.#shared.nextId);
  }

  find(name: string): Reference | undefined {
    let symbols: Symbols | undefined = this;
    for (; symbols !== undefined; symbols = symbols.parent) {
      const variable = symbols.#refs.get(name);
      if (variable !== undefined)
        return { variable, load: symbols.loads.get(variable) as Load, own: symbols.#shared === this.#shared };
    }
    return undefined;
  }

  /** Returns the variable of a name that this frame must know. */
  variable(name: string): string {
    const found = this.find(name);
    if (found === undefined) throw new Error(`no variable for ${name}`);
    return found.variable;
  }

  declareParameter(name: string): string {
    this.stores.add(name);
    return this.#define(name, { kind: 'parameter' });
  }

  store(name: string): void {
    this.stores.add(name);
    if (this.#refs.has(name)) return;
    const outer = this.parent?.find(name);
    this.#define(name, outer === undefined ? { kind: 'missing' } : { kind: 'alias', from: outer.variable });
  }

  load(name: string): void {
    if (this.find(name) === undefined) this.#define(name, { kind: 'resolve', name });
  }

  /** Returns the names assigned in this frame and the enclosing ones, with their variables; inner frames win. */
  visibleStores(): Map<string, string> {
    const result = new Map<string, string>();
    let symbols: Symbols | undefined = this;
    for (; symbols !== undefined; symbols = symbols.parent) {
      for (const name of symbols.stores) if (!result.has(name)) result.set(name, this.variable(name));
    }
    return result;
  }

  /** Returns the variables of this frame and the enclosing ones. */
  variables(): string[] {
    return [...new Set([...this.loads.keys(), ...(this.parent?.variables() ?? [])])];
  }

  #define(name: string, load: Load): string {
    let variable = this.#shared.variables.get(name);
    if (variable === undefined) {
      variable = `${name.replace(/[^A-Za-z0-9_]/g, '_')}$${this.#shared.nextId()}`;
      this.#shared.variables.set(name, variable);
    }
    this.#refs.set(name, variable);
    this.loads.set(variable, load);
    return variable;
  }

  #branch(): Symbols {
    const copy = new Symbols(this.parent, this.#shared.nextId, this.#shared);
    for (const name of this.stores) copy.stores.add(name);
    for (const [variable, load] of this.loads) copy.loads.set(variable, load);
    for (const [name, variable] of this.#refs) copy.#refs.set(name, variable);
    return copy;
  }

  #merge(branches: readonly Symbols[]): void {
    const stored = new Set(branches.flatMap((b) => [...b.stores]));
    for (const name of this.stores) stored.delete(name);
    for (const branch of branches) {
      for (const [name, variable] of branch.#refs) this.#refs.set(name, variable);
      for (const [variable, load] of branch.loads) this.loads.set(variable, load);
      for (const name of branch.stores) this.stores.add(name);
    }
    for (const name of stored) {
      const outer = this.parent?.find(name);
      this.loads.set(
        this.variable(name),
        outer === undefined ? { kind: 'resolve', name } : { kind: 'alias', from: outer.variable },
      );
    }
  }

  /** Records the names in statements and expressions, in evaluation order. Skips bodies that have their own frame. */
  analyze(nodes: readonly (Stmt | Expr)[], asParameter = false): void {
    for (const node of nodes) visit(this, node, asParameter);
  }

  /** Records an `if` as alternatives: a name that one branch assigns may still be unassigned after the `if`. */
  analyzeBranches(branches: readonly (readonly Stmt[])[]): void {
    const copies = branches.map((statements) => {
      const copy = this.#branch();
      copy.analyze(statements);
      return copy;
    });
    this.#merge(copies);
  }
}

function visit(symbols: Symbols, node: Node, asParameter: boolean): void {
  switch (node.type) {
    case 'Name':
      if (asParameter || node.ctx === 'param') symbols.declareParameter(node.name);
      else if (node.ctx === 'store') symbols.store(node.name);
      else symbols.load(node.name);
      return;
    case 'NSRef':
      symbols.load(node.name);
      return;
    case 'If':
      visit(symbols, node.test, asParameter);
      symbols.analyzeBranches([node.body, node.elif_, node.else_]);
      return;
    case 'Macro':
      symbols.store(node.name);
      return;
    case 'Import':
      visit(symbols, node.template, false);
      symbols.store(node.target);
      return;
    case 'FromImport':
      visit(symbols, node.template, false);
      for (const name of node.names) symbols.store(typeof name === 'string' ? name : name[1]);
      return;
    case 'Assign':
      visit(symbols, node.node, asParameter);
      visit(symbols, node.target, asParameter);
      return;
    case 'For':
      visit(symbols, node.iter, asParameter);
      return;
    case 'CallBlock':
      visit(symbols, node.call, asParameter);
      return;
    case 'FilterBlock':
      visit(symbols, node.filter, asParameter);
      return;
    case 'With':
      for (const value of node.values) visit(symbols, value, false);
      return;
    case 'AssignBlock':
      visit(symbols, node.target, asParameter);
      return;
    case 'Scope':
    case 'Block':
      return;
    default:
      for (const child of children(node)) visit(symbols, child, asParameter);
  }
}
