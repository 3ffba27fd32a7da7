// `node bench/load.mjs MEASURE [--small]`: measures the loader on a real Kafka and an embedded Postgres or ClickHouse,
// which it starts itself. Bundles bench/load/*.ts with the sources that it measures; needs Java and Maven.
import { runMeasure } from './bundled.mjs';

await runMeasure('load', [
  ...['throughput', 'batches', 'avro', 'latency', 'end-to-end', 'cdc', 'debezium', 'envelopes', 'stalled'],
  'archive',
  ...['clickhouse', 'clickhouse-settle', 'clickhouse-memory', 'clickhouse-parts'],
]);
