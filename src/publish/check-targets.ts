// Checks publications against connections.yml: the connection exists, its type supports the mode and the options, and
// no two publications share a table. The caller reads the file.
import type { Json } from '../contracts/node.ts';
import type { PublicationNode } from '../contracts/publication.ts';
import { errorOf } from '../error-table.ts';
import type { TsdbtError } from '../errors.ts';
import { knownWords } from '../values/close-matches.ts';
import { isDictionary } from '../values/is-dictionary.ts';
import { type OptionOfSome, RECEIVER_KINDS, type ReceiverKind } from './target-kinds.ts';

/** The connections as written in the file, by name. */
export interface WrittenConnections {
  readonly path: string;
  readonly connections: { readonly [name: string]: Json };
}

const OPTIONS_OF_SOME: readonly OptionOfSome[] = ['key', 'order_by', 'indexes', 'retention', 'snapshots', 'adopt'];

const BY_DATABASE = 'Postgres takes indexes, ClickHouse order_by.';
const HINTS: Readonly<Partial<Record<OptionOfSome, string>>> = {
  key: 'Nothing would check it there: a test of uniqueness on the model does.',
  order_by: BY_DATABASE,
  indexes: BY_DATABASE,
};

/**
 * @param file null: there is no connections.yml
 * @throws {TsdbtError} `parsing`, for the first publication that its connection does not support
 */
export function checkReceivers(publications: Iterable<PublicationNode>, file: WrittenConnections | null): void {
  const places = new Map<string, PublicationNode>();
  for (const node of publications) {
    const { to, table } = node.config;
    const names = Object.keys(file?.connections ?? {});
    const written = file?.connections[to];
    if (written === undefined)
      throw refusal(node, `goes to '${to}', and connections.yml has no such connection`, noConnection(to, names, file));
    const type = typeOf(written);
    // A type written as a template is known only when the connection is opened.
    const kind = type?.includes('{{') === true ? null : checkKind(node, type);
    if (table === null) continue;
    const place = `${to}: ${wholeName(table, kind, written)}`;
    const first = places.get(place);
    if (first !== undefined) {
      const beside = `${publishedName(first)} goes to '${first.config.table}'`;
      const what = `goes to '${table}' of '${to}', and ${beside}: both are one table`;
      throw refusal(node, what, 'Each copy has a table of its own.');
    }
    places.set(place, node);
  }
}

/** Adds the connection's schema to a table without one, unless a template writes that schema. */
function wholeName(table: string, kind: ReceiverKind | null, written: Json): string {
  const [option = '', fallback = ''] = kind?.schema ?? [];
  if (table.includes('.') || kind === null || !isDictionary(written)) return table;
  const schema = written[option] ?? fallback;
  return typeof schema !== 'string' || schema.includes('{{') ? table : `${schema}.${table}`;
}

/** @param type of the connection; null: it has none, like a broker's connection */
export function checkKind(node: PublicationNode, type: string | null): ReceiverKind {
  const { config } = node;
  const kind = type === null ? undefined : RECEIVER_KINDS.get(type);
  if (kind === undefined)
    throw refusal(
      node,
      `goes to '${config.to}', ${type === null ? 'which has no type' : `of type ${type}`}: nothing goes there`,
      `Types: ${[...RECEIVER_KINDS.keys()].join(', ')}.`,
    );
  const { title, place, modes, options } = kind;
  if (config[place] === null)
    throw refusal(node, `goes to ${title} ('${config.to}'), which needs '${place}'`, undefined);
  if (!modes.includes(config.mode))
    throw refusal(
      node,
      `has mode ${config.mode}, which ${title} ('${config.to}') does not take`,
      `Modes: ${modes.join(', ')}.`,
    );
  for (const option of OPTIONS_OF_SOME) {
    const value = config[option];
    const given = Array.isArray(value) ? value.length > 0 : value !== null && value !== false;
    if (given && !options.includes(option))
      throw refusal(node, `has '${option}', which ${title} ('${config.to}') does not take`, HINTS[option]);
  }
  return kind;
}

function typeOf(written: Json): string | null {
  const type = isDictionary(written) ? written['type'] : null;
  return typeof type === 'string' ? type : null;
}

function noConnection(to: string, names: readonly string[], file: WrittenConnections | null): string {
  if (file === null) return 'There is no connections.yml beside profiles.yml nor in the project.';
  return names.length === 0 ? `${file.path} is empty.` : `${knownWords('Connections', to, names)}.`;
}

function refusal(node: PublicationNode, what: string, hint: string | undefined): TsdbtError {
  return errorOf('badPublication', { of: publishedName(node), what }, { path: node.original_file_path, hint });
}

/** The published node, for example `model user_sessions`. */
export function publishedName({ depends_on: { nodes } }: PublicationNode): string {
  const [type = '', , ...name] = (nodes[0] ?? '').split('.');
  return `${type} ${name.join('.')}`;
}
