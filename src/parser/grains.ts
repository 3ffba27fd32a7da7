// Names the grains of time that dbt's semantic layer knows.
/** Grains of time, the smallest first. */
export const GRAINS: readonly string[] = [
  'nanosecond',
  'microsecond',
  'millisecond',
  'second',
  'minute',
  'hour',
  'day',
  'week',
  'month',
  'quarter',
  'year',
];
