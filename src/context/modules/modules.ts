// `modules`: Python's datetime, pytz, re and itertools as far as dbt shows them. Each is made when first used.
import type { Logger } from '../../log.ts';
import type { Value } from '../../values/index.ts';
import { LazyDict } from '../lazy-dict.ts';
import { createDatetimeModule } from './datetime.ts';
import { createItertoolsModule } from './itertools.ts';
import { createPytzModule } from './pytz.ts';
import { createReModule } from './re.ts';

/** The `modules` of a context. @param clock milliseconds since 1970 */
export function createModules(clock: () => number, logger: Logger): Value {
  const makers = new Map<string, () => Value>([
    ['pytz', createPytzModule],
    ['datetime', () => createDatetimeModule(clock)],
    ['re', createReModule],
    ['itertools', () => createItertoolsModule(logger)],
  ]);
  return new LazyDict({
    keys: () => makers.keys(),
    has: (key) => makers.has(key),
    load: (key) => makers.get(key)?.() ?? null,
  });
}
