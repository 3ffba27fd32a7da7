// The position of a change in its source's order, from an envelope's `source`: Postgres's log sequence number, or
// MySQL's binlog file and position. Pure.
import { TsdbtError } from '../../../errors.ts';
import { Halt } from '../row-change.ts';
import { PoisonMessage } from '../message-decoder.ts';
import type { LoadTarget } from '../../settings/load-target.ts';
import { momentText } from '../values/logical-types.ts';

/** The members of `source` that are read; a missing one is null. */
export interface SourceFields {
  readonly connector: string | null;
  readonly name: string | null;
  readonly lsn: string | null;
  readonly file: string | null;
  readonly pos: string | null;
  readonly ts_ms: string | null;
  readonly ts_us: string | null;
  /** For Postgres: up to where transactions were committed before this one, and the position, as JSON. */
  readonly sequence: string | null;
}
export const SOURCE_FIELDS = ['connector', 'name', 'lsn', 'file', 'pos', 'ts_ms', 'ts_us', 'sequence'] as const;

/** The position of a change. */
export interface SourcePosition {
  readonly position: bigint;
  readonly source: string;
  readonly at: string | null;
  /** The time as microseconds since 1970. */
  readonly micros: number | null;
  /** Up to where transactions were committed before this one; null: unknown. */
  readonly committed: bigint | null;
  readonly connector: string;
}

/** The name of a connector or a source. Text that begins like JSON is rejected. */
const NAME = /^[^\p{Cc}"\\[{][^\p{Cc}"\\]{0,248}$/u;
const WHOLE = /^\d{1,19}$/;
/** From a text, or from JSON. */
const COMMITTED = /^\[\s*\\?"(\d{1,19})\\?"/;
/** Bits of a position within a binlog file; the remaining bits contain the file's number. */
const POSITION_BITS = 36n;
const LARGEST = (1n << 63n) - 1n;

/** @throws PoisonMessage without a position, Halt for a source without such an order */
export function sourcePosition(fields: SourceFields, target: Pick<LoadTarget, 'name' | 'path'>): SourcePosition {
  const { connector, name } = fields;
  if (connector === null || name === null || !NAME.test(connector) || !NAME.test(name))
    throw new PoisonMessage("'source' names no connector and source");
  return {
    position: positionOf(connector, fields, target),
    source: name,
    at: momentOf(fields),
    micros: microsOf(fields),
    committed: committedOf(connector, fields),
    connector,
  };
}

function positionOf(connector: string, fields: SourceFields, target: Pick<LoadTarget, 'name' | 'path'>): bigint {
  if (connector === 'postgresql') {
    const { lsn } = fields;
    if (lsn === null || !WHOLE.test(lsn)) throw new PoisonMessage("'source' has no lsn, by which changes are ordered");
    return fitting(BigInt(lsn));
  }
  if (connector === 'mysql' || connector === 'mariadb') {
    const number = /\.(\d{1,8})$/.exec(fields.file ?? '')?.[1];
    const { pos } = fields;
    if (number === undefined || pos === null || !WHOLE.test(pos) || BigInt(pos) >> POSITION_BITS > 0n)
      throw new PoisonMessage("'source' has no file and pos of a binlog, by which changes are ordered");
    return fitting((BigInt(number) << POSITION_BITS) | BigInt(pos));
  }
  throw new Halt(
    new TsdbtError(
      'runtime',
      `${target.name} cannot be loaded: changes of connector '${connector}' have no position to order them by.`,
      { path: target.path, hint: 'Positions of postgresql, mysql and mariadb are known.' },
    ),
  );
}

function fitting(position: bigint): bigint {
  if (position > LARGEST) throw new PoisonMessage("the position in 'source' is too large");
  return position;
}

function committedOf(connector: string, { sequence }: SourceFields): bigint | null {
  const found = connector === 'postgresql' ? COMMITTED.exec(sequence ?? '')?.[1] : undefined;
  return found === undefined ? null : BigInt(found);
}

/** Stops a table whose changes come from another source than the earlier ones. */
export function otherSource(
  { name, topic, path }: Pick<LoadTarget, 'name' | 'topic' | 'path'>,
  source: string,
  before: string,
): Halt {
  return new Halt(
    new TsdbtError(
      'runtime',
      `${name} stops: changes of topic ${topic} come from source '${source}' and before from '${before}', and ` +
        'positions of two sources cannot be compared.',
      { path, hint: 'Load the other source into a table of its own.' },
    ),
  );
}

/** The error of a source whose positions have restarted. @param which change shows it */
export function stepsBack({ name, path }: Pick<LoadTarget, 'name' | 'path'>, which: string): TsdbtError {
  return new TsdbtError('runtime', `${name} stops: the source steps back: ${which}. Newer changes would be lost.`, {
    path,
    hint:
      'After a failover or with a new slot positions begin anew: empty the table, let the connector take a new ' +
      'snapshot, and `tsdbt load rewind --to` its first offset.',
  });
}

function microsOf({ ts_us: micros, ts_ms: millis }: SourceFields): number | null {
  if (micros !== null && WHOLE.test(micros)) return Number(micros);
  return millis !== null && WHOLE.test(millis) ? Number(millis) * 1000 : null;
}

function momentOf({ ts_us: micros, ts_ms: millis }: SourceFields): string | null {
  if (micros !== null && WHOLE.test(micros)) return momentText(BigInt(micros), 1e6, 'Z');
  return millis !== null && WHOLE.test(millis) ? momentText(BigInt(millis), 1e3, 'Z') : null;
}
