// Time grains of dbt's semantic layer.
/** Time grains, finest first. */
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
