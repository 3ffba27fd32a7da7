// From the place where a database saw an error back to the line of the model or macro that wrote it. Knows how texts were made by the
// traces of their templates; runs nothing.
import type { ErrorFrame } from '../errors.ts';
import { TsdbtError } from '../errors.ts';
import type { Trace } from '../jinja/index.ts';
import type { GraphNode } from '../contracts/node.ts';
import type { CodeSource, CompileContext } from './compile-context.ts';

interface Place { readonly path: string | undefined; readonly line: number; readonly frames: readonly ErrorFrame[]; readonly atEnd?: boolean }

/** Tells a trace which parts of its text other templates wrote: the node's code and its ephemeral parents'. */
export function registerSources(ctx: CompileContext, node: GraphNode, trace: Trace): void {
  for (const source of sourcesOf(ctx, node)) {
    if (source.rendered.trace === null) continue;
    const { code } = source.rendered;
    trace.register(code.trim(), source.rendered.trace);
    // CTEs that were put behind a WITH cut the code in two.
    if (source.injection.at > 0) trace.register(code.slice(source.injection.at).trim(), source.rendered.trace);
  }
}

function sourcesOf(ctx: CompileContext, node: GraphNode): CodeSource[] {
  const ids = [node.unique_id, ...((node as { extra_ctes?: { id: string }[] }).extra_ctes ?? []).map((cte) => cte.id)];
  return ids.flatMap((id) => ctx.sources.get(id) ?? []);
}

/**
 * The error with the line that wrote the SQL, the macros on the way to it and a caret; the error itself when the database named no
 * place or nobody knows who wrote it.
 * @param trace of the templates that ran the statement
 */
export function locateDatabaseError(ctx: CompileContext, node: GraphNode, trace: Trace | null, error: unknown): unknown {
  if (!(error instanceof TsdbtError) || error.kind !== 'database') return error;
  const { sql, position } = error.details;
  const { line, lineText: _text, column: _column, path, stack: _stack, ...known } = error.details;
  // A seed's row has its place in the file, whatever macro loaded it.
  const ofRow = node.resource_type === 'seed' && path === node.original_file_path;
  const plain = new TsdbtError('database', error.message, ofRow ? { ...known, path, line } : known);
  if (sql === undefined || position === undefined) return plain;
  const offset = codeUnits(sql, position - 1);
  const found = hookPlace(ctx, node, sql, offset) ?? plainPlace(ctx, node, sql, offset) ?? trace?.locate(sql, offset);
  const place = found && (ownPlace(ctx, found) ?? endOfCode(ctx, node, trace, sql, offset));
  if (place === undefined || place.path === undefined) return plain;
  const lineText = ctx.readSource(place.path)?.split('\n')[place.line - 1];
  const column = lineText === undefined ? undefined : place.atEnd ? [...lineText.trimEnd()].length + 1 : columnOf(lineText, sql, offset);
  const stack = place.frames.filter((frame) => frame.type === 'macro');
  return new TsdbtError('database', error.message, {
    ...known, path: place.path, line: place.line, ...(lineText === undefined ? {} : { lineText: lineText.trimEnd() }), ...(column === undefined ? {} : { column }),
    ...(stack.length === 0 ? {} : { stack: [...stack, { type: node.resource_type, name: node.name, path: node.original_file_path }] }),
  });
}

/** A hook's text without templates, found again where it was configured: in the model, its properties or the project file. */
function hookPlace(ctx: CompileContext, node: GraphNode, sql: string, offset: number): Place | undefined {
  const config = node.config as { readonly [key: string]: unknown };
  for (const hook of [config['pre-hook'], config['post-hook']].flat() as ({ readonly sql?: string } | undefined)[]) {
    const text = hook?.sql?.trim() ?? '';
    const at = text === '' ? -1 : sql.indexOf(text);
    if (at < 0 || offset < at || offset >= at + text.length || sql.trim().length > text.length) continue;
    const properties = (node as { patch_path?: string | null }).patch_path?.replace(/^[^:]+:\/\//, '');
    for (const path of [node.original_file_path, ...(properties ? [properties] : []), 'dbt_project.yml']) {
      const before = ctx.readSource(path)?.split(text) ?? [];
      if (before.length === 2) return { path, line: `${before[0]}${text.slice(0, offset - at)}`.split('\n').length, frames: [] };
    }
  }
  return undefined;
}

/** The place itself, or the line of the project or a package that called a built-in macro; undefined when only built-in macros are on the way. */
function ownPlace(ctx: CompileContext, place: Place): Place | undefined {
  const first = place.frames.findIndex((frame) => !isBuiltIn(ctx, frame));
  if (first === 0 || place.frames.length === 0) return place;
  const frame = place.frames[first];
  return frame?.line === undefined ? undefined : { path: frame.path, line: frame.line, frames: place.frames.slice(first) };
}

function isBuiltIn(ctx: CompileContext, frame: ErrorFrame): boolean {
  if (frame.type !== 'macro' && frame.type !== 'caller') return false;
  const macros = Object.values(ctx.manifest.macros).filter((macro) => macro.original_file_path === frame.path && (frame.type === 'caller' || macro.name === frame.name));
  return macros.length > 0 && macros.every((macro) => ctx.resolver.isInternal(macro));
}

/** What a database says of the bracket behind a node's code is a matter of the code's last line. */
function endOfCode(ctx: CompileContext, node: GraphNode, trace: Trace | null, sql: string, offset: number): Place | undefined {
  const code = ctx.sources.get(node.unique_id)?.rendered.code.trim();
  const at = code === undefined || code === '' ? -1 : sql.lastIndexOf(code, offset);
  const end = at < 0 || code === undefined ? -1 : at + code.length;
  if (end < 0 || offset < end || !/^[\s);]*$/.test(sql.slice(end, offset))) return undefined;
  const last = plainPlace(ctx, node, sql, end - 1) ?? trace?.locate(sql, end - 1);
  const own = last && ownPlace(ctx, last);
  return own && { ...own, atEnd: true };
}

/** Code without templates is its own source. */
function plainPlace(ctx: CompileContext, node: GraphNode, sql: string, offset: number): Place | undefined {
  for (const id of [node.unique_id, ...((node as { extra_ctes?: { id: string }[] }).extra_ctes ?? []).map((cte) => cte.id)]) {
    const source = ctx.sources.get(id);
    const owner = ctx.manifest.nodes[id];
    if (source === undefined || owner === undefined || source.rendered.trace !== null) continue;
    const { code } = source.rendered;
    const part = code.slice(source.injection.at);
    for (const [text, start] of [[code.trim(), code.length - code.trimStart().length], [part.trim(), source.injection.at + part.length - part.trimStart().length]] as const) {
      const at = text === '' ? -1 : sql.indexOf(text);
      if (at < 0 || offset < at || offset >= at + text.length) continue;
      return { path: owner.original_file_path, line: code.slice(0, start + offset - at).split('\n').length, frames: [] };
    }
  }
  return undefined;
}

function codeUnits(text: string, points: number): number {
  let at = 0;
  for (let i = 0; i < points && at < text.length; i++) at += text.codePointAt(at)! > 0xffff ? 2 : 1;
  return at;
}

/** Where in its template line the word stands that the database complained about. */
function columnOf(line: string, sql: string, offset: number): number | undefined {
  const rest = sql.slice(offset);
  const word = /^(?:[\w$]+|"[^"\n]*"|'[^'\n]*'|[^\s\w])/u.exec(rest)?.[0];
  if (word === undefined) return undefined;
  const start = sql.lastIndexOf('\n', offset - 1) + 1;
  const guess = offset - start;
  let best: number | undefined;
  for (let at = line.indexOf(word); at >= 0; at = line.indexOf(word, at + 1)) {
    if (best === undefined || Math.abs(at - guess) < Math.abs(best - guess)) best = at;
  }
  return best === undefined ? undefined : [...line.slice(0, best)].length + 1;
}
