// The privileges of the embedded engine's only user, as engine configuration: databases and everything in them, but no
// files, programs, other servers or users. statement-guard.ts covers access that needs no privilege.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const GRANTS = [
  'CHECK',
  'SHOW',
  'SELECT',
  'INSERT',
  'ALTER TABLE',
  'ALTER VIEW',
  'ALTER DATABASE',
  'CREATE DATABASE',
  'CREATE TABLE',
  'CREATE VIEW',
  'CREATE DICTIONARY',
  'CREATE FUNCTION',
  'CREATE TEMPORARY TABLE',
  'CREATE ARBITRARY TEMPORARY TABLE',
  'CREATE TEMPORARY VIEW',
  'DROP DATABASE',
  'DROP TABLE',
  'DROP VIEW',
  'DROP DICTIONARY',
  'DROP FUNCTION',
  'UNDROP TABLE',
  'TRUNCATE',
  'OPTIMIZE',
  'KILL QUERY',
  'dictGet',
  'SYSTEM VIEWS',
  'SYSTEM RELOAD DICTIONARY',
  'SYSTEM MERGES',
  'SYSTEM TTL MERGES',
  'SYSTEM MOVES',
  'SYSTEM FLUSH',
  'SYSTEM DROP CACHE',
  'SYSTEM SYNC REPLICA',
  'SYSTEM WAIT LOADING PARTS',
];

/** Settings that name files or servers, or contain SQL as text. They keep their defaults. */
const FIXED_SETTINGS = [
  'additional_result_filter',
  'allow_experimental_ai_functions',
  'allow_experimental_eval_table_function',
  'dialect',
  'format_avro_schema_registry_url',
  'format_schema',
  'format_schema_source',
  'format_template_resultset',
  'format_template_row',
  'input_format_record_errors_file_path',
  'merge_tree_disk',
  'merge_tree_storage_policy',
  'output_format_schema',
  'parallel_replicas_custom_key',
];

/**
 * Writes the configuration.
 * @param dir a folder that belongs to the user
 * @returns its path, for the engine's `--config-file`
 */
export function writeRights(dir: string): string {
  const users = join(dir, 'users.xml');
  const config = join(dir, 'config.xml');
  const constraints = FIXED_SETTINGS.map((name) => `<${name}><const/></${name}>`).join('');
  // Constraints belong to the profile `default`, which `SET profile` cannot leave.
  writeFileSync(
    users,
    `<clickhouse>
<profiles><default><constraints>${constraints}</constraints></default></profiles>
<users><default><password></password><networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota>
<grants><query>GRANT ${GRANTS.join(', ')} ON *.*</query><query>GRANT SET DEFINER ON default</query></grants>
</default></users>
<quotas><default></default></quotas>
</clickhouse>
`,
    { mode: 0o600 },
  );
  writeFileSync(
    config,
    `<clickhouse><users_config>${escaped(users)}</users_config>` +
      `<user_scripts_path>${escaped(join(dir, 'no-scripts'))}/</user_scripts_path></clickhouse>\n`,
    { mode: 0o600 },
  );
  return config;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}

/**
 * The process's working folder, which exists only while the server starts or works with its own files. The engine's
 * function `file`, which needs no privilege, resolves that folder first: without it, every call fails. The folder is
 * empty, because `ATTACH TABLE … FROM` and dictionaries on disk accept every path below it.
 */
export class WorkingFolder {
  readonly #parent: string;
  #folder = '';
  #users = 0;

  constructor(parent: string) {
    this.#parent = parent;
  }

  create(): void {
    this.#folder = mkdtempSync(join(this.#parent, 'working-'));
    process.chdir(this.#folder);
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async during<T>(work: () => Promise<T>): Promise<T> {
    if (this.#users++ === 0) this.create();
    try {
      return await work();
    } finally {
      if (--this.#users === 0) this.remove();
    }
  }
}
