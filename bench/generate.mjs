// Writes a dbt project of a given size: sources, a seed, staging views, intermediate models, marts, a few incremental
// models and snapshots, with properties and 2 to 3 generic tests per model. Deterministic.
//
//   node bench/generate.mjs --models 1000 --out DIR [--database clickhouse] [--like real]
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { likeReal } from './like-real.mjs';

const onlyNew = (parent) =>
  `{% if is_incremental() %}where at >= (select max(at) from {{ ref('${parent}') }}){% endif %}\n`;

const { values } = parseArgs({
  options: {
    models: { type: 'string', default: '1000' },
    out: { type: 'string' },
    database: { type: 'string', default: 'postgres' },
    like: { type: 'string' },
  },
});
if (!values.out) throw new Error('usage: generate.mjs --models N --out DIR');
const count = Number(values.models);
const real = values.like === 'real' ? likeReal(count) : null;
rmSync(values.out, { recursive: true, force: true });

function write(path, text) {
  const file = join(values.out, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

/** A small integer generator, the same in every run. */
let state = 7;
const below = (n) => {
  state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
  return (state >>> 8) % n;
};

write(
  'dbt_project.yml',
  `name: bench
version: "1.0"
profile: bench
models:
  bench:
    staging: {+materialized: view, +tags: [staging]}
    intermediate: {+materialized: view}
    marts: {+materialized: table, +tags: [mart]}
vars: {least_amount: 0}
`,
);
if (values.database === 'clickhouse')
  write(
    'profiles.yml',
    `bench:
  target: dev
  outputs:
    dev:
      type: clickhouse
      host: "{{ env_var('CLICKHOUSE_HOST', '127.0.0.1') }}"
      port: "{{ env_var('CLICKHOUSE_PORT', '8123') | as_number }}"
      user: "{{ env_var('CLICKHOUSE_USER', 'default') }}"
      password: "{{ env_var('CLICKHOUSE_PASSWORD', '') }}"
      schema: "{{ env_var('BENCH_SCHEMA', 'bench') }}"
      threads: 4
`,
  );
else
  write(
    'profiles.yml',
    `bench:
  target: dev
  outputs:
    dev:
      type: postgres
      host: "{{ env_var('PGHOST', '127.0.0.1') }}"
      port: "{{ env_var('PGPORT', '5432') | as_number }}"
      user: "{{ env_var('PGUSER', 'postgres') }}"
      password: "{{ env_var('PGPASSWORD', 'postgres') }}"
      dbname: "{{ env_var('PGDATABASE', 'bench') }}"
      schema: "{{ env_var('BENCH_SCHEMA', 'bench') }}"
      threads: 4
`,
  );
write(
  'macros/cents.sql',
  `{% macro cents(column, digits=2) %}round({{ column }} / 100.0, {{ digits }}){% endmacro %}

{% macro audit_columns() -%}
    '{{ this.name }}' as built_by, {{ dbt.type_string() | length }} as type_length
{%- endmacro %}
`,
);
write(
  'macros/sum_by_status.sql',
  `{% macro sum_by_status(statuses) %}
{%- for status in statuses %}
    sum(case when t.status = '{{ status }}' then t.amount else 0 end) as {{ status }}_amount{{ "," if not loop.last }}
{%- endfor %}
{% endmacro %}
`,
);
const STATUSES = ['placed', 'paid', 'shipped', 'returned'];
write(
  'seeds/raw_rows.csv',
  [
    'id,parent_id,status,amount,at',
    ...Array.from(
      { length: 200 },
      (_, i) =>
        `${i + 1},${below(200) + 1},${STATUSES[below(4)]},${below(10000)},` +
        `2026-01-${String(1 + (i % 28)).padStart(2, '0')}`,
    ),
  ].join('\n') + '\n',
);

const sizes = { staging: Math.max(1, Math.round(count * 0.3)), intermediate: Math.round(count * 0.3) };
sizes.marts = count - sizes.staging - sizes.intermediate;
const name = (layer, i) =>
  `${{ staging: 'stg', intermediate: 'int', marts: 'mart' }[layer]}_${String(i).padStart(5, '0')}`;
const PER_FILE = 20;

const sources = Math.max(1, Math.round(count / 40));
const tables = Array.from(
  { length: sources },
  (_, i) => `      - {name: table_${i}, identifier: raw_rows, description: Table ${i}.}`,
);
write(
  'models/sources.yml',
  `version: 2
sources:
  - name: raw
    schema: "{{ target.schema }}"
    tables:
${tables.join('\n')}
`,
);

const column = (col, tests) => `      - name: ${col}
        description: The ${col} of the row, as the system that owns it gives it.
${tests.length > 0 ? `        data_tests:\n${tests.map((t) => `          - ${t}`).join('\n')}\n` : ''}`;

let tests = 0;
function properties(layer, from, to) {
  const models = [];
  for (let i = from; i < to; i += 1) {
    const onId = ['not_null', 'unique'];
    const onStatus =
      i % 2 === 0 && layer !== 'marts' ? [`accepted_values: {arguments: {values: [${STATUSES.join(', ')}]}}`] : [];
    const onParent =
      i % 4 === 0 && layer === 'intermediate'
        ? [`relationships: {arguments: {to: ref('${name('staging', below(sizes.staging))}'), field: id}}`]
        : [];
    tests += onId.length + onStatus.length + onParent.length;
    const more = real === null ? '' : `        data_tests:\n${real.test}${real.columns(i)}`;
    models.push(`  - name: ${name(layer, i)}
    description: "Model ${i} of ${layer}: what it holds and whom to ask, in one sentence."
${real?.entry(i) ?? ''}    columns:
${column('id', onId)}${column('status', onStatus)}${column('parent_id', onParent)}${column('amount', [])}${more}`);
  }
  write(`models/${layer}/_${layer}_${Math.floor(from / PER_FILE)}.yml`, `version: 2\nmodels:\n${models.join('')}`);
}

for (const layer of ['staging', 'intermediate', 'marts']) {
  for (let from = 0; from < sizes[layer]; from += PER_FILE)
    properties(layer, from, Math.min(from + PER_FILE, sizes[layer]));
}
for (let i = 0; i < sizes.staging; i += 1) {
  write(
    `models/staging/${name('staging', i)}.sql`,
    `${real?.sql(i) ?? ''}with source as (

    select * from {{ source('raw', 'table_${i % sources}') }}

)

select
    id::int as id,
    parent_id::int as parent_id,
    status,
    {{ cents('amount') }} as amount,
    at::date as at
from source
where amount >= {{ var('least_amount') }}
`,
  );
}
for (let i = 0; i < sizes.intermediate; i += 1) {
  // Half of the models refer to an earlier one of the same layer, so that the graph has depth.
  const parent = i > 0 && i % 2 === 0 ? name('intermediate', below(i)) : name('staging', below(sizes.staging));
  write(
    `models/intermediate/${name('intermediate', i)}.sql`,
    `${real?.sql(i) ?? ''}select
    a.id,
    a.parent_id,
    a.status,
    a.amount + coalesce(b.amount, 0) as amount,
    a.at
from {{ ref('${parent}') }} as a
left join {{ ref('${name('staging', below(sizes.staging))}') }} as b on b.id = a.parent_id
`,
  );
}
for (let i = 0; i < sizes.marts; i += 1) {
  const incremental = i % 25 === 0;
  const parent = name('intermediate', below(sizes.intermediate));
  const config = incremental ? "{{ config(materialized='incremental', unique_key='id') }}\n" : '';
  write(
    `models/marts/${name('marts', i)}.sql`,
    `${real?.sql(i) ?? ''}${config}{%- set statuses = ['placed', 'paid', 'shipped', 'returned'] -%}
select
    id,
    max(t.parent_id) as parent_id,
    max(t.status) as status,
    sum(t.amount) as amount,
    {{ sum_by_status(statuses) }},
    {{ audit_columns() }}
from {{ ref('${parent}') }} as t
${incremental ? onlyNew(parent) : ''}group by id
`,
  );
}
for (const [path, text] of real?.files ?? []) write(path, text);
console.log(`${count} models, ${tests} tests, ${sources} sources in ${values.out}`);
