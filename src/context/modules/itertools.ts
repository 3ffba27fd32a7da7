// modules.itertools
import type { Logger } from '../../log.ts';
import type { Value } from '../../values/index.ts';
import { Namespace } from '../namespace.ts';
export function createItertoolsModule(_logger: Logger): Value { return new Namespace(new Map()); }
