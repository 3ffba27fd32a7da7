// The interface between the parser and the template engine, and the only part of it that resource parsers use.
// parse-rendering.ts implements it.
import type { Json, MacroNode, NodeConfig, RefArgs, TestConfig } from '../../contracts/node.ts';
import type { NodeLayers } from '../config/relation-names.ts';
import type { NodeCalls } from './node-calls.ts';
import type { PatchedTest } from './phases.ts';

/** A node with templates. They see all its fields; fields of later phases have dbt's initial values. */
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

/** References in an expression of an exposure. */
export type NamedReferences = Pick<NodeCalls, 'refs' | 'sources' | 'metrics'>;
/** The owner of an expression. */
export type Expressed = { readonly name: string; readonly original_file_path: string };
/** Finds the text of a docs block by name; null means any package. */
export type DocsBlockOf = (name: string, packageName: string | null) => string | undefined;

export interface Rendering {
  /**
   * Renders a YAML string natively: `"{{ var('x') }}"` becomes the value of x. Plain text is returned as jinja returns
   * it.
   */
  yaml(text: string, packageName: string): Json;
  /** Renders the code of a node: refs, sources, functions, metrics, macros and config() are added to `calls`. */
  node(node: RenderedNode, calls: NodeCalls): void;
  /** Renders a hook of a node; its calls are added to `calls`. */
  hook(node: RenderedNode, sql: string, calls: NodeCalls): void;
  /**
   * Renders first the arguments, then the code of a generic test. Their calls are added to `calls`.
   * @param calls null: only to see whether rendering fails
   */
  genericTest(node: PatchedTest, calls: NodeCalls | null): void;
  /** Calls the user's `generate_<component>_name` macro. */
  generateName(macro: MacroNode, custom: unknown, node: NodeLayers): string | null;
  /** Renders a description with `doc()`. */
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
  /** Renders the text of a docs block, in which no names are defined. */
  docsBlock(text: string, path: string): string;
  /** References in the expressions of an exposure's depends_on. */
  exposure(owner: Expressed, expressions: readonly string[]): NamedReferences;
  /** References in the expression of a semantic model's `model`. */
  semanticModel(owner: Expressed, expression: string): RefArgs[];
}
