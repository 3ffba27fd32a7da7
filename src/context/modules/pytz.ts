// modules.pytz: to be filled below.
import type { Value } from '../../values/index.ts';
import { Namespace } from '../namespace.ts';
export function createPytzModule(): Value { return new Namespace(new Map()); }
