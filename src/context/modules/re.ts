// modules.re: to be filled below.
import type { Value } from '../../values/index.ts';
import { Namespace } from '../namespace.ts';
export function createReModule(): Value { return new Namespace(new Map()); }
