// Reads the text of ClickHouse's EXPLAIN QUERY TREE into nodes.

export interface TreeNode {
  readonly kind: string;
  readonly alias: string | null;
  readonly attributes: ReadonlyMap<string, string>;
  /** Children by their label, such as `PROJECTION`; those of a LIST have the label ``. */
  readonly parts: ReadonlyMap<string, readonly TreeNode[]>;
}

/** The text has a form that is not expected. */
export class UnreadableTree extends Error {}

interface Line {
  readonly text: string;
  readonly children: Line[];
}

const NODE = /^([A-Z][A-Z_ ]*) id: \d+(?:, (.*))?$/;
const REPLACEMENT = /^REPLACEMENT NAME (.*) EXPRESSION$/;
/** Labels that the text of an expression or a number follows. */
const LABEL_WITH_TEXT = /^(EXPRESSION|REPLACEMENTS) .*$/;
/** The values that can contain separators are the last ones. */
const CONSTANT = /^(?:alias: (\w+), )?constant_value: (.*), constant_value_type: (.*)$/;
const ENDS_IN_TEXT = /^(.*?)(columns_pattern|pattern|identifiers|column_identifiers): (.*)$/;

/** @param nameOf what a name in the tree stands for @throws UnreadableTree */
export function readTree(text: string, nameOf: (name: string) => string): TreeNode {
  const root: Line = { text: '', children: [] };
  const open = [root];
  for (const line of text.trimEnd().split('\n')) {
    const indent = line.length - line.trimStart().length;
    const parent = open[indent / 2];
    if (parent === undefined) throw new UnreadableTree(line);
    const read: Line = { text: line.trim(), children: [] };
    parent.children.push(read);
    open.splice(indent / 2 + 1, open.length, read);
  }
  const [first, ...others] = root.children;
  if (first === undefined || others.length > 0) throw new UnreadableTree(others[0]?.text ?? 'the tree is empty');
  return nodeOf(first, nameOf);
}

function nodeOf({ text, children }: Line, nameOf: (name: string) => string): TreeNode {
  const [, kind, rest = ''] = NODE.exec(text) ?? [];
  if (kind === undefined) throw new UnreadableTree(text);
  const parts = new Map<string, TreeNode[]>();
  const add = (label: string, nodes: readonly TreeNode[]): void => {
    const known = parts.get(label);
    if (known === undefined) parts.set(label, [...nodes]);
    else known.push(...nodes);
  };
  const attributes = attributesOf(kind, rest);
  for (const child of children) {
    if (NODE.test(child.text)) add('', [nodeOf(child, nameOf)]);
    else if (child.text.startsWith('SETTINGS ')) attributes.set('settings', child.text);
    else if (child.text === 'REPLACEMENTS' || child.text.startsWith('REPLACEMENTS '))
      for (const each of child.children) add('REPLACEMENTS', [replacement(each, nameOf)]);
    else
      add(
        child.text.replace(LABEL_WITH_TEXT, '$1'),
        child.children.map((each) => nodeOf(each, nameOf)),
      );
  }
  const alias = attributes.get('alias');
  return { kind, alias: alias === undefined ? null : nameOf(alias), attributes, parts };
}

function replacement({ text, children }: Line, nameOf: (name: string) => string): TreeNode {
  const [, name] = REPLACEMENT.exec(text) ?? [];
  if (name === undefined) throw new UnreadableTree(text);
  const attributes = new Map([['name', nameOf(name)]]);
  const parts = new Map([['', children.map((each) => nodeOf(each, nameOf))]]);
  return { kind: 'REPLACEMENT', alias: null, attributes, parts };
}

function attributesOf(kind: string, text: string): Map<string, string> {
  const found = new Map<string, string>();
  if (kind === 'CONSTANT') {
    const [, alias, value, type] = CONSTANT.exec(text) ?? [];
    if (value === undefined || type === undefined) throw new UnreadableTree(text);
    if (alias !== undefined) found.set('alias', alias);
    return found.set('constant_value', value).set('constant_value_type', type);
  }
  const [, before = text, last, value] = ENDS_IN_TEXT.exec(text) ?? [];
  for (const pair of before.split(', ')) {
    const at = pair.indexOf(': ');
    if (at > 0) found.set(pair.slice(0, at).trim(), pair.slice(at + 2));
  }
  return last === undefined || value === undefined ? found : found.set(last, value);
}

/** The nodes with this label; those of its list, if it has one. */
export function itemsOf(node: TreeNode | undefined, label: string): readonly TreeNode[] {
  const nodes = node?.parts.get(label) ?? [];
  const [only] = nodes;
  return only?.kind === 'LIST' && nodes.length === 1 ? (only.parts.get('') ?? []) : nodes;
}

export function attribute(node: TreeNode, name: string): string {
  return node.attributes.get(name) ?? '';
}

/** Whether a flag is set. */
export function flagged(node: TreeNode, name: string): boolean {
  return node.attributes.get(name) === '1';
}
