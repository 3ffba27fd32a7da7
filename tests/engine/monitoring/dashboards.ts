// The dashboards of monitoring/ as a test sees them: each panel's queries, and what Grafana's plug-ins make of SQL.
import { readdirSync, readFileSync } from 'node:fs';

interface Target {
  readonly datasource: { readonly type: string; readonly uid: string };
  readonly expr?: string;
  readonly rawSql?: string;
}

export interface Panel {
  readonly title: string;
  readonly promql: readonly string[];
  readonly sql: readonly string[];
}

const folder = new URL('../../../monitoring/grafana/dashboards/', import.meta.url);

export const dashboards = readdirSync(folder).map((file) => {
  const { title, panels } = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as {
    title: string;
    panels: { title: string; targets: Target[] }[];
  };
  return {
    file,
    title,
    panels: panels.map(
      (panel): Panel => ({
        title: panel.title,
        promql: panel.targets.flatMap(({ expr }) => (expr === undefined ? [] : [expr])),
        sql: panel.targets.flatMap(({ rawSql }) => (rawSql === undefined ? [] : [rawSql])),
      }),
    ),
  };
});

/** Panels of one database with their SQL as its plug-in sends it, over all times. */
export function panelsOf(database: 'postgres' | 'clickhouse'): readonly (readonly [title: string, sql: string])[] {
  const between = (column: string): string =>
    database === 'postgres'
      ? `${column} BETWEEN '2000-01-01T00:00:00Z' AND '2100-01-01T00:00:00Z'`
      : `${column} >= toDateTime(946684800) AND ${column} <= toDateTime(4102444800)`;
  return dashboards
    .filter(({ file }) => file === `sessions-${database}.json`)
    .flatMap(({ panels }) => panels)
    .flatMap(({ title, sql }) =>
      sql.map((text) => {
        const start = text.indexOf('$__timeFilter(');
        if (start < 0) return [title, text] as const;
        let [depth, end] = [1, start + '$__timeFilter('.length];
        for (; depth > 0; end++) depth += { '(': 1, ')': -1 }[text[end] ?? ''] ?? 0;
        const column = text.slice(start + '$__timeFilter('.length, end - 1);
        return [title, text.slice(0, start) + between(column) + text.slice(end)] as const;
      }),
    );
}
