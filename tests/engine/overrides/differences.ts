// What overrides.test.ts takes for meant: calls, written `step | node | macro`, that only dbt or only we make, each
// with its reason.

export interface Difference {
  readonly who: 'dbt' | 'we';
  readonly calls: RegExp;
  readonly why: string;
}

const POSTGRES: readonly Difference[] = [
  {
    who: 'we',
    calls: /^snapshot --vars .* \| (by_check|by_time) \| ((default__)?type_string|run_query)$/,
    why: 'We look for what would break one current row per key before the rows are written.',
  },
  {
    who: 'we',
    calls: /^run --vars .* \| mat_view(_left)? \| (postgres__)?refresh_materialized_view$/,
    why: 'A change of indexes and `on_configuration_change: continue` refresh the rows, too; dbt leaves them stale.',
  },
  {
    who: 'dbt',
    calls: /^run --vars .* \| mat_view_left \| materialized_view_execute_no_op$/,
    why: 'The same.',
  },
  {
    who: 'we',
    calls: new RegExp(
      String.raw`^run --vars .* \| mat_view_left \| ((default__)?apply_grants|(postgres__)?copy_grants` +
        '|(default__)?persist_docs|should_revoke|materialized_view_execute_build_sql)$',
    ),
    why: 'The same.',
  },
  {
    who: 'dbt',
    calls: new RegExp(
      String.raw`^(source freshness|show --inline ".*") \| {2}\| (statement` +
        '|(postgres__)?(list_relations_without_caching|get_relations))$',
    ),
    why: 'These commands look no relation up; what is looked up later is listed then, by the same macros.',
  },
  {
    who: 'dbt',
    calls: /^clone --state before --target other \| append_ignore \| (postgres__)?list_relations_without_caching$/,
    why: 'We list the schemas that a clone reads before its first node, in which dbt does.',
  },
  {
    who: 'dbt',
    calls: /^run --full-refresh \| (becomes_mat_view|changes_kind) \| (postgres__)?drop_table$/,
    why:
      'The step before is `seed --full-refresh`: dbt drops what reads the seed with CASCADE, we keep it. So dbt ' +
      'finds nothing there, and we what was there.',
  },
  {
    who: 'we',
    calls: new RegExp(
      String.raw`^run --full-refresh \| [\w.]+ \| ((postgres__)?(copy_grants|drop_view|drop_materialized_view)` +
        '|(default__)?get_(create|replace)_sql)$',
    ),
    why: 'The same.',
  },
  {
    who: 'we',
    calls: /\| ((default__|postgres__)?drop_(relation|table)|(default__)?get_drop_sql)$/,
    why:
      'A temporary table is dropped when its node is done, as the connection goes on to the next node; dbt ends ' +
      'the connection.',
  },
];

const CLICKHOUSE: readonly Difference[] = [
  {
    who: 'we',
    calls: /^run \| (batches|delete_insert_\w+|incremental_all|overwrite) \| (clickhouse__)?make_temp_relation$/,
    why: 'Names of working tables are made in one place, which keeps them within the length that the server takes.',
  },
  {
    who: 'dbt',
    calls: /^source freshness \| {2}\| (statement|(clickhouse__)?list_relations_without_caching)$/,
    why: 'Freshness looks no relation up; what is looked up later is listed then, by the same macros.',
  },
  {
    who: 'dbt',
    calls: /^test \| incremental_plain\.names_stay \| /,
    why: 'The two sides of a unit test are compared in one query; dbt makes a temporary table of the types first.',
  },
  {
    who: 'dbt',
    calls: /\| ((default__)?make_backup_relation|drop_relation_if_exists|(clickhouse__)?drop_relation|run_query)$/,
    why:
      'Working tables are named with the id of the run, and whoever holds the lock of a relation drops what dead ' +
      'runs have left: nothing is looked for under the fixed names of dbt.',
  },
  {
    who: 'dbt',
    calls: /^run \| (incremental_key|legacy_ignore) \| (clickhouse__)?rename_relation$/,
    why:
      'The new table takes the place of the old one by EXCHANGE, which readers do not see; dbt renames one after ' +
      'the other.',
  },
  {
    who: 'dbt',
    calls: /\| (should_full_refresh|incremental_validate_on_schema_change)$/,
    why: 'Not asked while there is no table: either answer means the same.',
  },
  {
    who: 'dbt',
    calls: /^snapshot \| by_time \| clickhouse__get_database$/,
    why: 'Asked at another node: dbt remembers the answer, and so do we.',
  },
  { who: 'we', calls: /\| clickhouse__get_database$/, why: 'The same.' },
  {
    who: 'we',
    calls: /^run \| overwrite \| exchange_tables_atomic$/,
    why: 'Several partitions go over by one EXCHANGE; dbt-clickhouse replaces one after the other.',
  },
  {
    who: 'we',
    calls: new RegExp(
      String.raw`^(run|snapshot|test) \| \w+ \| ((default__|clickhouse__)?get_columns_in_query` +
        '|(default__)?get_empty_subquery_sql|get_quoted_csv|on_cluster_clause|run_query)$',
    ),
    why:
      'New rows are staged in a table of the structure of the target, column by column, before they are ' +
      'published at once.',
  },
  {
    who: 'we',
    calls: /^run \| \w+ \| ((default__)?make_backup_relation|should_full_refresh)$/,
    why: 'Asked before it is known whether there is a table.',
  },
  {
    who: 'we',
    calls: /^run \| mat_view(_late)? \| one_alter_relation$/,
    why: 'Until its views exist, a table has a mark, so that a run after an interruption fills it again.',
  },
];

export const DIFFERENCES: Readonly<Record<'postgres' | 'clickhouse', readonly Difference[]>> = {
  postgres: POSTGRES,
  clickhouse: CLICKHOUSE,
};
