// What the parser asks of the template engine, as an interface: the parsers of resources know only this. Leaves the
// scopes and the engine to parse-rendering.ts.
import type {
  ExposureNode,
  FunctionNode,
  Json,
  MacroNode,
  ManifestNode,
  SemanticModelNode,
} from '../../contracts/node.ts';
import type { NamedRelation } from '../config/relation-names.ts';

/** A node that a template may add refs, sources, macros and config to while it renders. */
export type RenderedNode = ManifestNode | FunctionNode;

export interface Rendering {
  /** A YAML string, natively: `"{{ var('x') }}"` becomes what x is. Plain text comes back as jinja leaves it. */
  yaml(text: string, packageName: string): Json;
  /**
   * Renders the code of a node for its effects: refs, sources, functions, metrics, macros and config() land on the
   * node.
   */
  node(node: RenderedNode): void;
  /** Renders a hook of a node for its effects. */
  hook(node: RenderedNode, sql: string): void;
  /** Renders arguments, then code, of a generic test for their effects. */
  genericTest(node: ManifestNode): void;
  /** Calls the user's `generate_<component>_name` macro. */
  generateName(macro: MacroNode, custom: unknown, node: NamedRelation): string | null;
  /** A description, with `doc()`. */
  description(
    text: string,
    owner: {
      unique_id: string;
      package_name: string;
      name: string;
      original_file_path: string;
      resource_type: string;
      patch_path?: string | null;
    },
  ): string;
  /** Text of a docs block: no names are known there. */
  docsBlock(text: string, path: string): string;
  /** Expressions of an exposure's depends_on, for their effects. */
  exposure(node: ExposureNode, expressions: readonly string[]): void;
  /** Expression of a semantic model's `model`, for its effects. */
  semanticModel(node: SemanticModelNode, expression: string): void;
}
