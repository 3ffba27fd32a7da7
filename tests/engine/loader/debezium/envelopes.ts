// Recorded messages of Debezium's connector for Postgres: what it made of setup.sql and dml.sql, and the statements of
// these scripts. The connector's two configurations differ in how they write decimals, times and bytes.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Recorded {
  readonly topic: string;
  readonly key: string | null;
  readonly value: string | null;
}

/** In the order in which they lay in their topics, without those of transactions. */
export function recorded(file: 'debezium-default' | 'debezium-readable'): Recorded[] {
  return readFileSync(join(import.meta.dirname, `${file}.ndjson`), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line): Recorded => JSON.parse(line) as Recorded)
    .filter(({ topic }) => !topic.endsWith('.transaction'));
}

/** The statements of setup.sql or dml.sql. */
export function statementsOf(name: 'setup' | 'dml'): string[] {
  return readFileSync(join(import.meta.dirname, `${name}.sql`), 'utf8')
    .split(/;\s/)
    .map((statement) => statement.trim())
    .filter((statement) => !['', 'begin', 'commit'].includes(statement));
}
