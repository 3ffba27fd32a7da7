// What the parser asks of the template engine, as an interface: the parsers of resources know only this. Leaves the
// scopes and the engine to parse-rendering.ts.
import type { Json, MacroNode, NodeConfig, RefArgs, TestConfig } from '../../contracts/node.ts';
import type { NamedRelation } from '../config/relation-names.ts';
import type { NodeCalls } from './node-calls.ts';
import type { PatchedTest } from './phases.ts';

/** A node with templates. They see all of its fields, those that later phases make as dbt begins them. */
export interface RenderedNode {
  readonly name: string;
  readonly package_name: string;
  readonly unique_id: string;
  readonly original_file_path: string;
  readonly resource_type: string;
  readonly raw_code: string;
  readonly language?: string;
  readonly config: NodeConfig | TestConfig;
}

/** What an expression of an exposure names. */
export type NamedReferences = Pick<NodeCalls, 'refs' | 'sources' | 'metrics'>;
/** Whose expression it is. */
export type Expressed = { readonly name: string; readonly original_file_path: string };
/** Text of the docs block of a name; null stands for any package. */
export type DocsBlockOf = (name: string, packageName: string | null) => string | undefined;

export interface Rendering {
  /** A YAML string, natively: `"{{ var('x') }}"` becomes what x is. Plain text comes back as jinja leaves it. */
  yaml(text: string, packageName: string): Json;
  /** Renders the code of a node: refs, sources, functions, metrics, macros and config() are added to `calls`. */
  node(node: RenderedNode, calls: NodeCalls): void;
  /** Renders a hook of a node: what it calls is added to `calls`. */
  hook(node: RenderedNode, sql: string, calls: NodeCalls): void;
  /** Renders arguments, then code, of a generic test: what they call is added to `calls`. */
  genericTest(node: PatchedTest, calls: NodeCalls): void;
  /** Calls the user's `generate_<component>_name` macro. */
  generateName(macro: MacroNode, custom: unknown, node: NamedRelation): string | null;
  /** A description, with `doc()`. */
  description(
    text: string,
    owner: {
      readonly unique_id: string;
      readonly package_name: string;
      readonly name: string;
      readonly original_file_path: string;
      readonly resource_type: string;
      readonly patch_path?: string | null;
    },
    docs: DocsBlockOf,
  ): string;
  /** Text of a docs block: no names are known there. */
  docsBlock(text: string, path: string): string;
  /** What the expressions of an exposure's depends_on name. */
  exposure(owner: Expressed, expressions: readonly string[]): NamedReferences;
  /** What the expression of a semantic model's `model` names. */
  semanticModel(owner: Expressed, expression: string): RefArgs[];
}
