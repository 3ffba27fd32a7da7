// The keys of a Postgres target in profiles.yml, as in dbt-postgres.
import type { CredentialsSpec, ProfileTemplate } from '../credentials.ts';

export const POSTGRES_CREDENTIALS: CredentialsSpec = {
  type: 'postgres',
  title: 'Postgres',
  version: '1.11.0',
  fields: {
    database: { type: 'string' },
    schema: { type: 'string' },
    host: { type: 'string' },
    user: { type: 'string' },
    port: { type: 'integers' },
    password: { type: 'string' },
    connect_timeout: { type: 'integer', default: 10 },
    role: { type: 'string', nullable: true, default: null },
    search_path: { type: 'string', nullable: true, default: null },
    keepalives_idle: { type: 'integer', default: 0 },
    sslmode: { type: 'string', nullable: true, default: null },
    sslcert: { type: 'string', nullable: true, default: null },
    sslkey: { type: 'string', nullable: true, default: null },
    sslrootcert: { type: 'string', nullable: true, default: null },
    application_name: { type: 'string', nullable: true, default: 'dbt' },
    autocommit: { type: 'boolean', nullable: true, default: false },
    retries: { type: 'integer', default: 1 },
    target_session_attrs: { type: 'string', nullable: true, default: null },
  },
  aliases: { dbname: 'database', pass: 'password' },
  shown: [
    'host',
    'port',
    'user',
    'database',
    'schema',
    'connect_timeout',
    'role',
    'search_path',
    'keepalives_idle',
    'sslmode',
    'sslcert',
    'sslkey',
    'sslrootcert',
    'application_name',
    'autocommit',
    'retries',
  ],
  // The embedded server itself provides its address and password.
  embedded: { host: 'localhost', user: 'tsdbt', port: 0, password: '', database: 'tsdbt', schema: 'public' },
  configs: ['indexes', 'unlogged', 'partition_by'],
  embeddedFolder: '.tsdbt/pg',
};

export const POSTGRES_TEMPLATES: readonly ProfileTemplate[] = [
  {
    title: 'embedded Postgres (nothing to install)',
    fixed: { type: 'postgres', embedded: true, threads: 4 },
    prompts: { schema: { default: 'analytics' } },
  },
  {
    title: 'postgres',
    fixed: { type: 'postgres' },
    prompts: {
      host: { hint: 'hostname for the instance', default: 'localhost' },
      port: { default: 5432, type: 'int' },
      user: { hint: 'dev username' },
      pass: { hint: 'dev password', hide_input: true },
      dbname: { hint: 'default database that dbt will build objects in' },
      schema: { hint: 'default schema that dbt will build objects in', default: 'analytics' },
      threads: { hint: '1 or more', type: 'int', default: 4 },
    },
  },
];
