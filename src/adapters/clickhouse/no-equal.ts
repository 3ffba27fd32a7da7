// Explains why a ClickHouse column type has no equivalent in other databases, and how its model can convert it. Pure.
import { quoteIdentifier } from './literal.ts';
import { mergedType } from './plain-type.ts';

/** @param plain its type without Nullable and LowCardinality */
export function whyNoEqual(name: string, plain: string): string {
  const value = quoteIdentifier(name);
  const kept = mergedType(plain);
  if (kept !== null) return `it says how rows are merged; CAST(${value} AS ${kept}) in the model is the value`;
  // A version may precede the function. Its parameters are those of the call that merges states.
  const [, aggregate, parameters = ''] = /^AggregateFunction\((?:\d+, )?(\w+)(\([^()]*\))?/.exec(plain) ?? [];
  if (aggregate === undefined) return 'it has no equal; toString(…) or toJSONString(…) in the model makes a text of it';
  return (
    `it is the state of an aggregate, and its text is bytes; finalizeAggregation(${value}) in the model is the value ` +
    `of a row, ${aggregate}Merge${parameters}(${value}) that of all rows of a group`
  );
}
