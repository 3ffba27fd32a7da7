// Which sink goes with which database: the registry of the loader.
import type { Adapter } from '../adapters/adapter.ts';
import { TsdbtError } from '../errors.ts';
import { PostgresSink } from './postgres/sink.ts';
import type { Sealer } from './seal.ts';
import type { FaultPoint, Sink } from './sink.ts';

/** @throws `runtime` error naming the databases that can be loaded into */
export function createSink(
  adapter: Adapter,
  sealer: Sealer,
  now: () => number,
  reached?: (point: FaultPoint) => void,
): Sink {
  if (adapter.type === 'postgres') return new PostgresSink(adapter, sealer, now, reached);
  throw new TsdbtError('runtime', `Loading into ${adapter.type} is not part of this version.`, {
    hint: 'A target of type postgres.',
  });
}
