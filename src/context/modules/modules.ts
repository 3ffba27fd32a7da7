// `modules`: the parts of Python's datetime, pytz, re and itertools that dbt exposes, created on first use. All
// templates of a command share them, except itertools, which reports its use.
import type { Logger } from '../../log.ts';
import type { Value } from '../../values/index.ts';
import { LazyDict } from '../lazy-dict.ts';
import { createDatetimeModule } from './datetime.ts';
import { createItertoolsModule } from './itertools.ts';
import { createPytzModule } from './pytz.ts';
import { createReModule } from './re.ts';

type Makers = ReadonlyMap<string, () => Value>;

/**
 * The modules of a command. Shared as in a Python process, so that the rules of 600 time zones are read once, not per
 * node.
 */
const shared = new WeakMap<() => number, Makers>();

/** Creates the `modules` of a context. @param clock milliseconds since 1970, the same function for a whole command */
export function createModules(clock: () => number, logger: Logger): Value {
  let ofCommand = shared.get(clock);
  if (ofCommand === undefined) {
    ofCommand = new Map([
      ['pytz', once(createPytzModule)],
      ['datetime', once(() => createDatetimeModule(clock))],
      ['re', once(createReModule)],
    ]);
    shared.set(clock, ofCommand);
  }
  const makers: Makers = new Map([...ofCommand, ['itertools', () => createItertoolsModule(logger)]]);
  return new LazyDict({
    keys: () => makers.keys(),
    has: (key) => makers.has(key),
    load: (key) => makers.get(key)?.() ?? null,
  });
}

function once(make: () => Value): () => Value {
  let made: Value | undefined;
  return () => (made ??= make());
}
