// All filters by name: jinja2's 54, and those of dbt.
import { toText } from '../../values/text.ts';
import { NativeMarker } from '../native.ts';
import { type FilterFunction, simpleFilter } from './filter.ts';
import { HTML_FILTERS } from './html-filters.ts';
import { NUMBER_FILTERS } from './number-filters.ts';
import { SEQUENCE_FILTERS } from './sequence-filters.ts';
import { TEXT_FILTERS } from './text-filters.ts';

/**
 * @param dbt adds `as_text`, `as_native`, `as_bool`, `as_number`, `is_list`
 * @param native the markers of native rendering; in text they leave the value as it is
 */
export function createFilters(dbt: boolean, native = false): ReadonlyMap<string, FilterFunction> {
  const filters = new Map<string, FilterFunction>([
    ...TEXT_FILTERS,
    ...NUMBER_FILTERS,
    ...SEQUENCE_FILTERS,
    ...HTML_FILTERS,
  ]);
  if (!dbt) return filters;
  for (const kind of ['text', 'native', 'bool', 'number'] as const) {
    filters.set(
      `as_${kind}`,
      simpleFilter(`as_${kind}`, 'x', (value) => (native ? new NativeMarker(toText(value), kind) : value)),
    );
  }
  filters.set(
    'is_list',
    simpleFilter('is_list', 'value', (value) => Array.isArray(value)),
  );
  return filters;
}
