// Tells the placeholder that Debezium writes for a value which did not change and which Postgres keeps outside of the
// row (TOAST): it was not read. It has a form for each type. Pure.

const PLACEHOLDER = '__debezium_unavailable_value';
const BYTES = Buffer.from(PLACEHOLDER);
const FORMS: ReadonlySet<unknown> = new Set([
  PLACEHOLDER,
  BYTES.toString('base64'),
  BYTES.toString('hex'),
  // A map of hstore, as JSON.
  JSON.stringify({ [PLACEHOLDER]: PLACEHOLDER }),
]);

export function isUnavailable(value: unknown): boolean {
  if (typeof value === 'string') return value.length >= PLACEHOLDER.length && FORMS.has(value);
  if (Array.isArray(value))
    return value.length === 1
      ? FORMS.has(value[0])
      : value.length === BYTES.length && value.every((item, i) => item === BYTES[i]);
  if (typeof value !== 'object' || value === null) return false;
  return PLACEHOLDER in value;
}
