// Maps the position of a database error back to the line of the model or macro that wrote the SQL, using the traces of
// the templates.
import type { ErrorFrame } from '../errors.ts';
import { TsdbtError } from '../errors.ts';
import type { Trace } from '../jinja/index.ts';
import type { GraphNode } from '../contracts/node.ts';
import type { CodeSource, CompileContext } from './compile-context.ts';

interface Place {
  readonly path: string | undefined;
  readonly line: number;
  readonly lineText?: string | undefined;
  readonly frames: readonly ErrorFrame[];
  readonly atEnd?: boolean;
}

/**
 * Registers in a trace the parts of a text that other templates wrote: the code of the node and of its ephemeral
 * parents.
 */
export function registerSources(ctx: CompileContext, node: GraphNode, trace: Trace): void {
  for (const source of sourcesOf(ctx, node)) {
    if (source.rendered.trace === null) continue;
    const { code } = source.rendered;
    trace.register(code.trim(), source.rendered.trace);
    // CTEs injected after a WITH split the code in two.
    if (source.injection.at > 0) trace.register(code.slice(source.injection.at).trim(), source.rendered.trace);
  }
}

function sourcesOf(ctx: CompileContext, node: GraphNode): CodeSource[] {
  const ids = [node.unique_id, ...((node as { extra_ctes?: { id: string }[] }).extra_ctes ?? []).map((cte) => cte.id)];
  return ids.flatMap((id) => ctx.sources.get(id) ?? []);
}

/**
 * Adds to an error the line that wrote the SQL, the macros that led to it, and a caret. Returns the error unchanged if
 * the database reported no position or no trace covers it.
 * @param trace of the templates that ran the statement
 */
export function locateDatabaseError(
  ctx: CompileContext,
  node: GraphNode,
  trace: Trace | null,
  error: unknown,
): unknown {
  if (!(error instanceof TsdbtError) || error.kind !== 'database') return error;
  const { sql, position } = error.details;
  const { line, lineText: _text, column: _column, path, stack: called, excerpt, ...known } = error.details;
  // A seed's row has its position in the file, whichever macro loaded it.
  const ofRow = node.resource_type === 'seed' && path === node.original_file_path;
  const refused = sql === undefined || position === undefined ? null : { sql, offset: codeUnits(sql, position - 1) };
  const place = ofRow
    ? { path, line: line ?? 1, frames: [] }
    : ((refused === null ? undefined : placeOf(ctx, node, trace, refused.sql, refused.offset)) ??
      caller(ctx, called ?? []));
  if (place?.path === undefined) return new TsdbtError('database', error.message, { ...known, excerpt });
  const text = ofRow
    ? undefined
    : (place.lineText ??
      (ctx.readSource(place.path, node.package_name) ?? ctx.readSource(place.path))?.split('\n')[place.line - 1]);
  const column =
    text === undefined || refused === null
      ? undefined
      : place.atEnd
        ? [...text.trimEnd()].length + 1
        : columnOf(text, refused.sql, refused.offset);
  const stack = place.frames.filter((frame) => frame.type === 'macro');
  // The compiled line is shown only if it says more than the source line.
  const shown = text !== undefined && refused !== null && column !== undefined && !place.atEnd;
  const told = shown && excerpt !== undefined && text.includes(wordAt(refused.sql, refused.offset) ?? '\n');
  return new TsdbtError('database', told ? error.message.replace(`\n${excerpt}`, () => '') : error.message, {
    ...known,
    path: place.path,
    line: place.line,
    ...(text === undefined ? {} : { lineText: text.trimEnd() }),
    ...(column === undefined ? {} : { column }),
    ...(stack.length === 0
      ? {}
      : {
          stack: [
            ...stack,
            ...(node.original_file_path === ''
              ? []
              : [{ type: node.resource_type, name: node.name, path: node.original_file_path }]),
          ],
        }),
  });
}

/**
 * Removes positions in built-in macros, which are not in the user's files. They are replaced by the first macro of the
 * project or a package on the stack; without one, only the node is named. Positions in the user's files are kept.
 */
export function withoutBuiltIn(ctx: CompileContext, error: TsdbtError, packageName?: string): TsdbtError {
  const { details } = error;
  const calls = details.stack ?? [];
  const inner = calls[0];
  if (inner === undefined || !isBuiltIn(ctx, inner)) return error;
  const first = firstOwn(ctx, calls);
  details.stack = first < 0 ? [] : calls.slice(first);
  if (details.path !== undefined && details.path !== inner.path) return error;
  const { path, line } = caller(ctx, calls) ?? {};
  const file = path === undefined ? null : (ctx.readSource(path, packageName) ?? ctx.readSource(path));
  const lineText = line === undefined ? undefined : file?.split('\n')[line - 1]?.trimEnd();
  Object.assign(details, { path, line, column: undefined, lineText });
  return error;
}

/** Returns where the character was written; undefined if no trace covers it. */
function placeOf(
  ctx: CompileContext,
  node: GraphNode,
  trace: Trace | null,
  sql: string,
  offset: number,
): Place | undefined {
  const found = plainPlace(ctx, node, sql, offset) ?? trace?.locate(sql, offset);
  const place = found && (ownPlace(ctx, found) ?? endOfCode(ctx, node, trace, sql, offset));
  // The parser generates the template of a test from YAML: its lines are not those of the file.
  const made =
    place === undefined ||
    (place.frames[0] !== undefined &&
      place.frames[0].type !== 'macro' &&
      (isYaml(place.path) || ctx.readSource(place.path ?? '') === null));
  return settingPlace(ctx, node, sql, offset, made) ?? (made ? undefined : place);
}

/** Returns the line of the project's or a package's macro that sent the statement. */
function caller(ctx: CompileContext, called: readonly ErrorFrame[]): Place | undefined {
  const first = firstOwn(ctx, called);
  const frame = called[first];
  return frame?.line === undefined || frame.type !== 'macro'
    ? undefined
    : { path: frame.path, line: frame.line, frames: called.slice(first) };
}

/**
 * Finds a hook, a header, a condition or an argument of a test in the file that sets it: the node's file, its
 * properties or the project file.
 * @param guess if the text is not found, accepts the only line of YAML that contains the word
 */
function settingPlace(
  ctx: CompileContext,
  node: GraphNode,
  sql: string,
  offset: number,
  guess: boolean,
): Place | undefined {
  const { config, patch_path, test_metadata, columns } = node as {
    config: { readonly [key: string]: unknown };
    patch_path?: string | null;
    test_metadata?: { kwargs: unknown } | null;
    columns?: unknown;
  };
  const properties = patch_path?.replace(/^[^:]+:\/\//, '');
  const paths = [node.original_file_path, ...(properties ? [properties] : []), 'dbt_project.yml'];
  const texts = guess
    ? settings([config, test_metadata?.kwargs, columns])
    : settings([config['pre-hook'], config['post-hook']]).filter((text) => sql.trim().length <= text.length);
  for (const text of texts.sort((a, b) => b.length - a.length)) {
    const at = sql.lastIndexOf(text, offset);
    if (at < 0 || offset >= at + text.length) continue;
    for (const path of paths) {
      const line = lineOfText(ctx.readSource(path, node.package_name), text, offset - at);
      if (line !== undefined) return { path, line, frames: [] };
    }
  }
  // For a relation, searches for its identifier only: its database and schema may occur elsewhere in the file with
  // another meaning.
  const [, relation] = guess ? (/^(?:"[^"\n]*"\.)+"([^"\n]*)"/.exec(sql.slice(offset)) ?? []) : [];
  const word = relation ?? (guess ? wordAt(sql, offset)?.replace(/^(['"])(.*)\1$/, '$2') : undefined);
  if (word === undefined || word.length < 3) return undefined;
  for (const path of paths.filter(isYaml)) {
    const line = onlyLine(ctx.readSource(path, node.package_name)?.split('\n') ?? [], word);
    if (line !== undefined) return { path, line, frames: [] };
  }
  return undefined;
}

/** Returns all texts in a value that are long enough to be searched for. */
function settings(value: unknown): string[] {
  if (typeof value === 'string') return value.trim().length < 3 ? [] : [value.trim()];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(settings) : [];
}

/**
 * Returns the line of a file for a character of a text, if the file contains the text, or its line, exactly once. YAML
 * indents the lines of a text.
 */
function lineOfText(file: string | null, text: string, offset: number): number | undefined {
  const around = file?.split(text) ?? [];
  if (around.length === 2) return `${around[0]}${text.slice(0, offset)}`.split('\n').length;
  const [first = ''] = text.slice(text.lastIndexOf('\n', offset - 1) + 1).split('\n');
  const line = first.trim();
  return line.length < 3 ? undefined : onlyLine(file?.split('\n') ?? [], line);
}

function isYaml(path: string | undefined): boolean {
  return /\.ya?ml$/.test(path ?? '');
}

function onlyLine(lines: readonly string[], part: string): number | undefined {
  const first = lines.findIndex((line) => line.includes(part));
  return first < 0 || lines.slice(first + 1).some((line) => line.includes(part)) ? undefined : first + 1;
}

/**
 * Returns the position itself, or the line of the project or a package that called a built-in macro; undefined if there
 * are only built-in macros on the stack.
 */
function ownPlace(ctx: CompileContext, place: Place): Place | undefined {
  const first = place.frames.findIndex((frame) => !isBuiltIn(ctx, frame));
  if (first === 0 || place.frames.length === 0) return place;
  const frame = place.frames[first];
  return frame?.line === undefined
    ? undefined
    : { path: frame.path, line: frame.line, frames: place.frames.slice(first) };
}

/** -1 if all are built in. */
function firstOwn(ctx: CompileContext, frames: readonly ErrorFrame[]): number {
  return frames.findIndex((frame) => !isBuiltIn(ctx, frame));
}

function isBuiltIn(ctx: CompileContext, frame: ErrorFrame): boolean {
  if (frame.type !== 'macro' && frame.type !== 'caller') return false;
  const macros = Object.values(ctx.manifest.macros).filter(
    (macro) => macro.original_file_path === frame.path && (frame.type === 'caller' || macro.name === frame.name),
  );
  return macros.length > 0 && macros.every((macro) => ctx.resolver.isInternal(macro));
}

/** An error at the parenthesis after a node's code belongs to the last line of the code. */
function endOfCode(
  ctx: CompileContext,
  node: GraphNode,
  trace: Trace | null,
  sql: string,
  offset: number,
): Place | undefined {
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
  for (const id of [
    node.unique_id,
    ...((node as { extra_ctes?: { id: string }[] }).extra_ctes ?? []).map((cte) => cte.id),
  ]) {
    const source = ctx.sources.get(id);
    const owner = ctx.manifest.nodes[id];
    if (source === undefined || owner === undefined || source.rendered.trace !== null) continue;
    const { code } = source.rendered;
    const path = (owner as { code_path?: string }).code_path ?? owner.original_file_path;
    for (const text of [code.trim(), code.slice(source.injection.at).trim()]) {
      const at = text === '' ? -1 : sql.indexOf(text);
      if (at < 0 || offset < at || offset >= at + text.length) continue;
      const line = lineOfText(ctx.readSource(path, owner.package_name), text, offset - at);
      if (line !== undefined) return { path, line, frames: [] };
    }
  }
  return undefined;
}

function codeUnits(text: string, points: number): number {
  let at = 0;
  for (let i = 0; i < points && at < text.length; i++) at += (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
  return at;
}

/** Returns the position in the template line of the word that the database reported. */
function columnOf(line: string, sql: string, offset: number): number | undefined {
  const word = wordAt(sql, offset);
  if (word === undefined) return undefined;
  const start = sql.lastIndexOf('\n', offset - 1) + 1;
  const guess = offset - start;
  let best: number | undefined;
  for (let at = line.indexOf(word); at >= 0; at = line.indexOf(word, at + 1)) {
    if (best === undefined || Math.abs(at - guess) < Math.abs(best - guess)) best = at;
  }
  // The line does not contain the word: its only expression rendered it.
  if (best === undefined && line.split('{{').length === 2) best = line.indexOf('{{');
  return best === undefined ? undefined : [...line.slice(0, best)].length + 1;
}

function wordAt(sql: string, offset: number): string | undefined {
  return /^(?:[\w$]+|"[^"\n]*"|'[^'\n]*'|[^\s\w])/u.exec(sql.slice(offset))?.[0];
}
