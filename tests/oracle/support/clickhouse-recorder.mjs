// A server that speaks just enough of ClickHouse's HTTP interface for dbt-clickhouse to run a project against it: it
// holds nothing, writes down every statement, and answers questions to the catalogue with what a test says is there.
// What is run and compared is the callers'.
import { createServer } from 'node:http';

/**
 * @param answer (sql) → { names, types, rows } of a query, or null for a statement that answers nothing
 * @returns port, `statements` as sent (comments and all), close()
 */
export async function startRecorder(answer) {
  const statements = [];
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const url = new URL(request.url, 'http://localhost');
    const sql = `${url.searchParams.get('query') ?? ''}${Buffer.concat(chunks).toString('utf8')}`.trim();
    response.setHeader('X-ClickHouse-Query-Id', url.searchParams.get('query_id') ?? 'q');
    response.setHeader('X-ClickHouse-Summary', '{}');
    const format = /\s+FORMAT (Native|JSON)\s*$/i.exec(sql);
    const text = format ? sql.slice(0, format.index) : sql;
    const client = clientAnswer(text);
    if (client === null) statements.push(text);
    const result = client ?? answer(text);
    if (format?.[1] === 'JSON') {
      response.end(
        JSON.stringify({
          meta: (result?.names ?? []).map((name, i) => ({ name, type: result.types[i] })),
          data: [],
          rows: 0,
        }),
      );
    } else if (format) {
      response.setHeader('X-ClickHouse-Format', 'Native');
      response.end(result === null ? Buffer.alloc(0) : nativeBlock(result));
    } else {
      response.setHeader('X-ClickHouse-Format', 'TabSeparated');
      response.end(result === null ? '' : result.rows.map((row) => `${row.join('\t')}\n`).join(''));
    }
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return { port: server.address().port, statements, close: () => new Promise((done) => server.close(done)) };
}

/** What the client library and dbt-clickhouse's connection ask for themselves. */
function clientAnswer(sql) {
  const one = (...row) => ({ names: row.map((_, i) => `c${i}`), types: row.map(() => 'String'), rows: [row] });
  if (/select version\(\), timezone\(\)/i.test(sql)) return one('26.7.2.1', 'UTC');
  if (/select timezone\(\)/i.test(sql)) return one('UTC');
  if (/from system\.settings\s+limit/i.test(sql)) {
    const names = [
      'mutations_sync',
      'lightweight_deletes_sync',
      'alter_sync',
      'insert_distributed_sync',
      'allow_nondeterministic_mutations',
      'session_id',
      'send_progress_in_http_headers',
      'http_headers_progress_interval_ms',
      'enable_http_compression',
      'wait_end_of_query',
      'date_time_input_format',
      'max_execution_time',
    ];
    return {
      names: ['name', 'value', 'readonly'],
      types: ['String', 'String', 'UInt8'],
      rows: names.map((name) => [name, name === 'date_time_input_format' ? 'basic' : '0', 0]),
    };
  }
  if (/^EXISTS DATABASE/i.test(sql)) return one('1');
  if (/SELECT engine FROM system.databases WHERE name = database\(\)/i.test(sql)) return one('Atomic');
  if (/__dbt_exchange_test_/.test(sql) || /^SET allow_nondeterministic_mutations/i.test(sql))
    return { names: [], types: [], rows: [] };
  return null;
}

/** One block of the format Native. Types: String, and unsigned integers of one byte or eight. */
export function nativeBlock({ names, types, rows }) {
  const text = (value) => {
    const bytes = Buffer.from(String(value));
    return [varint(bytes.length), bytes];
  };
  const cell = {
    String: text,
    UInt8: (value) => [Buffer.from([Number(value)])],
    UInt64: (value) => {
      const b = Buffer.alloc(8);
      b.writeBigUInt64LE(BigInt(value));
      return [b];
    },
  };
  const plain = (type) =>
    cell[type] ??
    ((value) => {
      if (rows.length > 0) throw new Error(`no encoding for ${type} ${value}`);
      return [];
    });
  return Buffer.concat([
    varint(names.length),
    varint(rows.length),
    ...names.flatMap((name, i) => [
      ...text(name),
      ...text(types[i]),
      ...rows.flatMap((row) => plain(types[i])(row[i])),
    ]),
  ]);
}

function varint(number) {
  const bytes = [];
  for (let rest = number; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest]);
    bytes.push((rest % 128) | 128);
  }
}
