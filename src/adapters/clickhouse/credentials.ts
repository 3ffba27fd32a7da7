// The keys of a ClickHouse target in profiles.yml, as in dbt-clickhouse, plus `path`: an embedded server with its data
// there.
import { TsdbtError } from '../../errors.ts';
import type { CredentialsSpec, ProfileTemplate } from '../credentials.ts';

export const CLICKHOUSE_CREDENTIALS: CredentialsSpec = {
  type: 'clickhouse',
  title: 'ClickHouse',
  version: '1.10.3',
  fields: {
    database: { type: 'string', nullable: true, default: '' },
    schema: { type: 'string', nullable: true, default: 'default' },
    driver: { type: 'string', nullable: true, default: null },
    host: { type: 'string', default: 'localhost' },
    port: { type: 'integer', nullable: true, default: null },
    user: { type: 'string', nullable: true, default: 'default' },
    retries: { type: 'integer', default: 1 },
    password: { type: 'string', default: '' },
    cluster: { type: 'string', nullable: true, default: null },
    database_engine: { type: 'string', nullable: true, default: null },
    cluster_mode: { type: 'boolean', default: false },
    secure: { type: 'boolean', default: false },
    verify: { type: 'boolean', default: true },
    client_cert: { type: 'string', nullable: true, default: null },
    client_cert_key: { type: 'string', nullable: true, default: null },
    connect_timeout: { type: 'integer', default: 10 },
    send_receive_timeout: { type: 'integer', default: 300 },
    sync_request_timeout: { type: 'integer', default: 5 },
    compress_block_size: { type: 'integer', default: 1_048_576 },
    compression: { type: 'string', default: '' },
    check_exchange: { type: 'boolean', default: true },
    custom_settings: { type: 'object', nullable: true, default: null },
    use_lw_deletes: { type: 'boolean', default: false },
    local_suffix: { type: 'string', default: 'local' },
    local_db_prefix: { type: 'string', default: '' },
    allow_automatic_deduplication: { type: 'boolean', default: false },
    tcp_keepalive: { type: ['boolean', 'array'], default: false },
    reuse_connections: { type: 'boolean', default: true },
    server_host_name: { type: 'string', nullable: true, default: null },
    path: { type: 'string', nullable: true, default: null },
  },
  aliases: {},
  configs: ['partition_by'],
  embeddedFolder: '.tsdbt/clickhouse',
  shown: [
    'driver',
    'host',
    'port',
    'user',
    'schema',
    'retries',
    'cluster',
    'database_engine',
    'cluster_mode',
    'secure',
    'verify',
    'client_cert',
    'client_cert_key',
    'connect_timeout',
    'send_receive_timeout',
    'sync_request_timeout',
    'compress_block_size',
    'compression',
    'check_exchange',
    'custom_settings',
    'use_lw_deletes',
    'allow_automatic_deduplication',
    'tcp_keepalive',
    'reuse_connections',
    'server_host_name',
  ],
  complete(given) {
    const { database, schema, cluster, driver } = given;
    if (typeof database === 'string' && database !== '' && database !== schema) {
      throw new TsdbtError(
        'runtime',
        `    schema: ${String(schema)} \n    database: ${database} \n    cluster: ${String(cluster ?? 'None')} ` +
          '\nOn Clickhouse, database must be omitted or have the same value as schema.',
      );
    }
    if (driver !== null && driver !== undefined && driver !== '' && driver !== 'http' && driver !== 'native')
      throw new TsdbtError('runtime', `Unrecognized ClickHouse driver ${String(driver)}`);
    return { ...given, database: '', schema: schema ?? 'default' };
  },
};

export const CLICKHOUSE_TEMPLATES: readonly ProfileTemplate[] = [
  {
    title: 'embedded ClickHouse (needs: npm install chdb@3.4.0)',
    fixed: { type: 'clickhouse', path: '.tsdbt/clickhouse', threads: 4 },
    prompts: { schema: { default: 'analytics' } },
  },
  {
    title: 'clickhouse',
    fixed: { type: 'clickhouse' },
    prompts: {
      host: { hint: 'hostname for the instance', default: 'localhost' },
      port: { hint: 'of its HTTP interface', default: 8123, type: 'int' },
      user: { default: 'default' },
      password: { hint: 'dev password', hide_input: true },
      schema: { hint: 'database that dbt will build objects in', default: 'analytics' },
      threads: { hint: '1 or more', type: 'int', default: 4 },
    },
  },
];

/** Returns the port of the HTTP interface for a target. Ports of the native protocol are mapped to it. */
export function httpPort(port: number | null, secure: boolean): number {
  if (port === null || port === 0) return secure ? 8443 : 8123;
  return port === 9000 ? 8123 : port === 9440 ? 8443 : port;
}
