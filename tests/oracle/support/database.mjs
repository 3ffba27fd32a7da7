// Reads everything that a run left in a database into one comparable value: relations, columns with types, comments,
// grants, indexes, constraints and rows. Times of this very run are masked, because two programs do not run at the same
// instant.
const RELATIONS =
  `
  select n.nspname, c.relname, c.relkind::text, obj_description(c.oid, 'pg_class'), c.relpersistence::text,
    (select array_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || case when a.attnotnull then ` +
  `' not null' else '' end
                      || coalesce(' -- ' || col_description(c.oid, a.attnum), '') order by a.attnum)::text
       from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
    (select array_agg(regexp_replace(pg_get_indexdef(i.indexrelid), 'INDEX \\S+ ON', 'INDEX ON') order by ` +
  `1)::text from pg_index i where i.indrelid = c.oid),
    (select array_agg(pg_get_constraintdef(k.oid) order by 1)::text from pg_constraint k where k.conrelid = ` +
  `c.oid and k.contype <> 'n'),
    (select array_agg(x::text order by x::text)::text from unnest(c.relacl) x)
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'v', 'm', 'p') and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', ` +
  `'tsdbt')
  order by 1, 2`;

/**
 * Replaces times of the last day by `<now>`, and in such a row every md5 (a snapshot's dbt_scd_id hashes the time) and
 * every UUID.
 */
export function masked(row, since) {
  let now = false;
  const text = row.replace(/\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?(?:[+-]\d\d(?::\d\d)?)?/g, (time) => {
    const zoned = /[+-]\d\d(:\d\d)?$/.test(time) ? time.replace(/([+-]\d\d)$/, '$1:00') : `${time}Z`;
    const at = Date.parse(zoned.replace(' ', 'T'));
    if (!(at >= since)) return time;
    now = true;
    return '<now>';
  });
  return now
    ? text.replace(/\b[0-9a-f]{32}\b/g, '<md5>').replace(/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, '<uuid>')
    : text;
}

/**
 * @param {(database: string, sql: string) => Promise<unknown[][]>} psql
 * @param {number} since milliseconds: when the comparison began
 * @returns {Promise<Record<string, unknown>>} by `schema.name`, plus `schemas` and `functions`
 */
export async function readDatabase(psql, database, since) {
  const out = {};
  out.schemas = (
    await psql(
      database,
      "select nspname from pg_namespace where nspname !~ '^pg_' and nspname not in ('information_schema', " +
        "'tsdbt') order by 1",
    )
  ).flat();
  for (const [schema, name, kind, comment, persistence, columns, indexes, constraints, acl] of await psql(
    database,
    RELATIONS,
  )) {
    const quoted = `"${schema.replaceAll('"', '""')}"."${name.replaceAll('"', '""')}"`;
    const rows = await psql(database, `select t::text from ${quoted} t`).catch((error) => [
      [`unreadable: ${error.message}`],
    ]);
    out[`${schema}.${name}`] = {
      kind,
      comment,
      persistence,
      columns,
      indexes,
      constraints,
      acl,
      rows: rows.map(([row]) => masked(String(row), since)).sort(),
    };
  }
  return out;
}
