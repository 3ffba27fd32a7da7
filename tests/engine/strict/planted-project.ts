// Projects whose queries are valid, or have one planted mistake each.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export type Dialect = 'postgres' | 'clickhouse';

export interface Planted {
  readonly name: string;
  readonly valid: string;
  readonly mistake: string;
  /** `path:line` of the mistake. */
  readonly place: string;
}

/** The queries of a dialect. */
export function plantedQueries(dialect: Dialect): Planted[] {
  return ['common', dialect].flatMap((file) =>
    readFileSync(join(import.meta.dirname, `${file}-mistakes.sql`), 'utf8')
      .split(/^-- /m)
      .slice(2)
      .map((block): Planted => {
        const end = block.indexOf('\n');
        const name = block.slice(0, end).replaceAll(' ', '_');
        const sql = block.slice(end + 1).trimEnd();
        const mark = /«([^|»]*)\|([^|»]*)(?:\|([^»]*))?»/;
        const [marked = '', valid = '', wrong = '', place = ''] = mark.exec(sql) ?? [];
        const file = `models/planted/${name}.sql`;
        const line = place === '' ? sql.slice(0, sql.indexOf(marked)).split('\n').length : place;
        return {
          name,
          valid: sql.replace(marked, () => valid),
          mistake: sql.replace(marked, () => wrong),
          place: String(line).includes(':') ? String(line) : `${file}:${line}`,
        };
      }),
  );
}

const TYPES = {
  postgres: { number: 'bigint', money: 'numeric(10,2)', text: 'text', time: 'timestamp', date: 'date' },
  clickhouse: { number: 'Int64', money: 'Decimal(10, 2)', text: 'String', time: 'DateTime', date: 'Date' },
};
const TARGETS = {
  postgres: '{type: postgres, host: 127.0.0.1, port: 1, user: u, password: p, dbname: shop, schema: dev, threads: 1}',
  clickhouse: '{type: clickhouse, host: 127.0.0.1, port: 1, user: u, password: p, schema: dev, threads: 1}',
};

/** The files around the queries: sources, and models that the queries read. */
export function shopFiles(dialect: Dialect): Record<string, string> {
  const types = TYPES[dialect];
  const tables: Record<string, Record<string, keyof typeof types>> = {
    orders: { id: 'number', customer_id: 'number', status: 'text', amount: 'money', created_at: 'time' },
    customers: { id: 'number', name: 'text', born: 'date' },
    payments: { id: 'number', order_id: 'number', amount: 'money', paid_at: 'time' },
  };
  const catalog = Object.entries(tables).map(([name, columns]) => [
    `source.shop.raw.${name}`,
    {
      columns: Object.fromEntries(
        Object.entries(columns).map(([column, type], at) => [
          column,
          { name: column, type: types[type], index: at + 1 },
        ]),
      ),
    },
  ]);
  return {
    'dbt_project.yml': 'name: shop\nversion: "1.0"\nprofile: shop\n',
    'profiles.yml': `shop:\n  target: t\n  outputs:\n    t: ${TARGETS[dialect]}\n`,
    'models/sources.yml': 'sources: [{name: raw, tables: [{name: orders}, {name: customers}, {name: payments}]}]\n',
    'target/catalog.json': JSON.stringify({ nodes: {}, sources: Object.fromEntries(catalog) }),
    'models/orders.sql': "select * from {{ source('raw', 'orders') }}",
    'models/customers.sql': "{{ config(materialized='table') }}\nselect * from {{ source('raw', 'customers') }}",
    'models/payments.sql': "select id, order_id, amount, paid_at from {{ source('raw', 'payments') }}",
    'models/paid_orders.sql':
      "{{ config(materialized='ephemeral') }}\nselect o.id as id, sum(p.amount) as paid\n" +
      "from {{ ref('orders') }} o join {{ ref('payments') }} p on p.order_id = o.id group by o.id",
    'models/daily.sql':
      "{{ config(materialized='incremental', unique_key='day') }}\n" +
      "select cast(created_at as date) as day, count(*) as n from {{ ref('orders') }}\n" +
      '{% if is_incremental() %} where created_at > (select max(day) from {{ this }}) {% endif %}\ngroup by 1',
    'snapshots/orders_history.sql':
      "{% snapshot orders_history %}{{ config(target_schema='history', unique_key='id', strategy='timestamp', " +
      "updated_at='created_at') }}\nselect * from {{ ref('orders') }}{% endsnapshot %}",
    'seeds/rates.csv': 'code,rate,day\neur,1.5,2020-01-01\n',
    'macros/m.sql':
      '{% macro cents(column) %}\n  ({{ column }} * 100)\n{% endmacro %}\n' +
      "{% macro is_open(column) %}\n  {{ column }} in ('open', 'new')\n{% endmacro %}\n",
  };
}

export function writeFiles(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}
