// Completion in templates and SQL: what can be at a place, by the text before it. The text after it may be unfinished.
import { CompletionItemKind } from 'vscode-languageserver';
import { PROVIDER_MEMBERS } from '../context/provider.ts';
import type { ParsedProject } from '../index.ts';
import { CONFIG_FIELDS, type ConfigKind } from '../parser/config/config-fields.ts';
import { READ_BY_MACROS } from '../parser/config/misspelt-config.ts';
import { relationsIn } from './column-at.ts';
import { macroSignature } from './describe-symbol.ts';
import type { NameIndex } from './name-index.ts';
import type { RelationColumns } from './relation-columns.ts';
import type { SymbolTable } from './symbol-table.ts';

/** What completes the word before a place. */
export interface Suggestion {
  readonly label: string;
  readonly kind: CompletionItemKind;
  readonly detail?: string;
  readonly documentation?: string;
  /** With `$1` where an argument belongs; default: the label. */
  readonly snippet?: string;
}

/** What suggestions depend on. */
export interface SuggestContext {
  readonly parsed: ParsedProject;
  readonly table: SymbolTable;
  readonly index: NameIndex;
  readonly columns: RelationColumns;
  /** Absolute path of the file, and its text. */
  readonly path: string;
  readonly text: string;
}

export interface Suggested {
  /** Length of the word before the place that a suggestion replaces. */
  readonly typed: number;
  readonly items: readonly Suggestion[];
}

const MATERIALIZATIONS = ['view', 'table', 'incremental', 'ephemeral', 'materialized_view'];
/** What templates of nodes see in addition to the members of the provider. */
const NODE_NAMES = ['ref', 'source', 'config', 'this', 'model', 'is_incremental', 'adapter', 'function'];
/** Names of macros that are found by another name. */
const HIDDEN = /^(?:\w+__|test_|materialization_|_)/;

/** @param offset in the text. @returns null outside of a template's tags */
export function suggestInTemplate(context: SuggestContext, offset: number): Suggested | null {
  const tag = openTag(context.text.slice(0, offset));
  return tag === null ? null : inExpression(context, tag);
}

/** Columns in the SQL of a model. */
export async function suggestColumns(context: SuggestContext, offset: number): Promise<Suggested> {
  const { parsed, index, columns, path, text } = context;
  const [, qualifier, typed = ''] =
    /(?:(?<!\w)([A-Za-z_]\w*)\.)?(?<!\w)(\w*)$/.exec(text.slice(Math.max(0, offset - 200), offset)) ?? [];
  const { ids, aliases } = relationsIn(index, path, text);
  const named = qualifier === undefined ? undefined : aliases.get(qualifier.toLowerCase());
  const found = new Map<string, Suggestion>();
  for (const id of named === undefined ? ids : [named]) {
    for (const { name, type, description } of await columns.of(parsed, id)) {
      const detail = `${type === null ? '' : `${type} `}of ${id}`;
      found.set(name, { label: name, kind: CompletionItemKind.Field, detail, documentation: description });
    }
  }
  return { typed: typed.length, items: [...found.values()] };
}

/** The text of the tag that is open at the end; null outside of tags. */
export function openTag(before: string): string | null {
  const start = Math.max(before.lastIndexOf('{{'), before.lastIndexOf('{%'));
  if (start < 0) return null;
  const tag = before.slice(start + 2);
  return tag.includes('}}') || tag.includes('%}') ? null : tag;
}

/** @param before the text of the expression before the place */
export function inExpression(context: SuggestContext, before: string): Suggested {
  const { table, parsed } = context;
  const [, call = '', first, typed = ''] =
    /\b(ref|source|var|doc)\s*\(\s*(?:['"]([^'"]*)['"]\s*,\s*)?['"]([^'"]*)$/.exec(before) ?? [];
  if (call !== '') return { typed: typed.length, items: argumentsOf(table, call, first) };
  const value = /\bmaterialized\s*=\s*['"](\w*)$/.exec(before);
  if (value !== null) return { typed: value[1]?.length ?? 0, items: names(MATERIALIZATIONS, CompletionItemKind.Value) };
  if (quoteIsOpen(before)) return { typed: 0, items: [] };
  const key = /\bconfig\s*\((?:(?:[^()]|\([^()]*\))*,)?\s*(\w*)$/.exec(before);
  if (key !== null) return { typed: key[1]?.length ?? 0, items: configKeys('model', '', '=') };
  const [, owner, word = ''] = /(?:(?<!\w)([A-Za-z_]\w*)\.)?(?<!\w)(\w*)$/.exec(before) ?? [];
  if (owner !== undefined) return { typed: word.length, items: macrosOf(table, owner) };
  const known = [...new Set([...NODE_NAMES, ...PROVIDER_MEMBERS.keys()])];
  const packages = parsed.config.packages.map(({ project_name }) => project_name);
  const items = [
    ...macrosOf(table, null),
    ...names(known, CompletionItemKind.Variable),
    ...names(packages, CompletionItemKind.Module),
  ];
  return { typed: word.length, items };
}

function argumentsOf(table: SymbolTable, call: string, first: string | undefined): Suggestion[] {
  const { manifest, config } = table.parsed;
  switch (call) {
    case 'ref':
      return names(table.refNames(first), CompletionItemKind.Class);
    case 'source': {
      const all = Object.values(manifest.sources);
      if (first === undefined) return names(new Set(all.map((each) => each.source_name)), CompletionItemKind.Module);
      return all
        .filter((each) => each.source_name === first)
        .map(({ name, description }) => ({ label: name, kind: CompletionItemKind.Class, documentation: description }));
    }
    case 'var': {
      const { vars, project_name: own } = config.project;
      const scoped = vars[own];
      const inner = typeof scoped === 'object' && scoped !== null ? Object.keys(scoped) : [];
      const all = [...Object.keys(vars).filter((name) => name !== own), ...inner, ...Object.keys(config.cli_vars)];
      return names(new Set(all), CompletionItemKind.Constant);
    }
    default:
      return names(new Set(Object.values(manifest.docs).map(({ name }) => name)), CompletionItemKind.Text);
  }
}

/** @param owner a package, or null for all that need no prefix */
function macrosOf(table: SymbolTable, owner: string | null): Suggestion[] {
  const root = table.parsed.config.project.project_name;
  const found: Suggestion[] = [];
  for (const [name, ids] of table.macros) {
    if (HIDDEN.test(name)) continue;
    const id = ids.find((each) => {
      const [, packageName] = each.split('.');
      if (owner !== null) return packageName === owner || (owner === 'dbt' && table.isBuiltIn(each));
      return packageName === root || table.isBuiltIn(each);
    });
    if (id === undefined) continue;
    // Only those of the user are read: there are hundreds of others.
    const macro = table.isBuiltIn(id) ? undefined : table.macro(id);
    const detail = macro === undefined ? undefined : (macroSignature(macro.macro_sql) ?? undefined);
    found.push({
      label: name,
      kind: CompletionItemKind.Function,
      snippet: detail === `${name}()` ? `${name}()` : `${name}($1)`,
      ...(detail === undefined ? {} : { detail }),
      ...(macro === undefined ? {} : { documentation: macro.description }),
    });
  }
  return found;
}

/** Keys of a config. @param before and @param after what is written around a key */
export function configKeys(kind: ConfigKind, before = '', after = ': '): Suggestion[] {
  const keys = new Set([...CONFIG_FIELDS[kind].map(({ name }) => name), ...READ_BY_MACROS]);
  return [...keys].map((key) => {
    const label = `${before}${key}`;
    return { label, kind: CompletionItemKind.Property, snippet: `${label}${after}$1` };
  });
}

export function names(all: Iterable<string>, kind: CompletionItemKind): Suggestion[] {
  return [...all].map((label) => ({ label, kind }));
}

function quoteIsOpen(text: string): boolean {
  let open = '';
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at);
    if (char === '\\') at++;
    else if (open === '' && (char === "'" || char === '"')) open = char;
    else if (char === open) open = '';
  }
  return open !== '';
}
