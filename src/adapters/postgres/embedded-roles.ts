// Creates the project's role and database on an embedded Postgres. The role may create databases, schemas, roles and
// trusted extensions. It is not a superuser, so SQL of a project cannot reach files or programs.
import pg from 'pg';
import { connectionError, databaseError } from './database-error.ts';
import { EMBEDDED_ADMIN, EMBEDDED_USER } from './embedded-install.ts';
import { quoteIdentifier, quoteText } from './literal.ts';

/** Time limit for an answer of the local server, in milliseconds. */
const LIMIT_MS = 60_000;
/** Name of the superuser of an earlier version's data: Postgres cannot revoke its privileges. */
const EARLIER_USER = 'tsdbt_earlier';
const ROLE = quoteIdentifier(EMBEDDED_USER);

interface Server {
  readonly host: string;
  readonly port: number;
  /** Password of the project's role. */
  readonly password: string;
  readonly database: string;
}

/** Creates the role and the database, and transfers to the role what an earlier version's superuser owned. */
export async function prepareDatabase(server: Server, adminPassword: string): Promise<void> {
  const { password, database } = server;
  const earlier = await asAdmin(server, adminPassword, 'postgres', async (client) => {
    const { rows } = await client.query<{ rolname: string }>('select rolname from pg_catalog.pg_roles where oid = 10');
    if (rows[0]?.rolname === EMBEDDED_USER) {
      await client.query(`alter role ${ROLE} rename to ${EARLIER_USER}`);
      await client.query(`alter role ${EARLIER_USER} nologin`);
    }
    const known = await client.query('select from pg_catalog.pg_roles where rolname = $1', [EMBEDDED_USER]);
    if (known.rowCount === 0) await client.query(`create role ${ROLE}`);
    await client.query(
      `alter role ${ROLE} nosuperuser login createdb createrole noreplication password ${quoteText(password)}`,
    );
    // A superuser may act as each role that it creates.
    await client.query(`alter role ${ROLE} set createrole_self_grant = 'set, inherit'`);
    await client.query(`grant pg_checkpoint, pg_read_all_stats to ${ROLE}`);
    if (rows[0]?.rolname !== EMBEDDED_ADMIN) await client.query(GIVE_ROLES);
    const found = await client.query('select from pg_catalog.pg_database where datname = $1', [database]);
    if (found.rowCount === 0) await client.query(`create database ${quoteIdentifier(database)} owner ${ROLE}`);
    const owned = 'select datname from pg_catalog.pg_database where datdba = 10 and not datistemplate and datallowconn';
    return rows[0]?.rolname === EMBEDDED_ADMIN ? [] : (await client.query<{ datname: string }>(owned)).rows;
  });
  for (const { datname } of earlier) {
    await asAdmin(server, adminPassword, datname, async (client) => {
      await client.query(GIVE_OBJECTS);
      // Last: a database with another owner is not processed again.
      if (datname !== 'postgres') await client.query(`alter database ${quoteIdentifier(datname)} owner to ${ROLE}`);
    });
  }
}

async function asAdmin<T>(
  { host, port }: Server,
  password: string,
  database: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const address = { host, port, user: EMBEDDED_ADMIN, password, database };
  const client = new pg.Client({
    ...address,
    ssl: false,
    connectionTimeoutMillis: LIMIT_MS,
    query_timeout: LIMIT_MS,
  });
  await client.connect().catch((error: unknown) => {
    throw connectionError(error, address);
  });
  try {
    return await work(client);
  } catch (error) {
    throw databaseError(error, '', '', 0);
  } finally {
    await client.end();
  }
}

/** Roles that the earlier superuser created: only an administrator of a role may grant it. */
const GIVE_ROLES = `do $$ declare statement text; begin
  for statement in
    select format('grant %I to %I with admin option', rolname, '${EMBEDDED_USER}') from pg_catalog.pg_roles
    where rolname !~ '^pg_' and not rolsuper and rolname <> '${EMBEDDED_USER}'
  loop execute statement; end loop;
end $$`;

/** What the earlier superuser owned, except parts of extensions and of the system. */
const GIVE_OBJECTS = `do $$ declare statement text; begin
  perform set_config('search_path', 'pg_catalog', true);
  for statement in
    select format('alter schema %I', nspname) from pg_namespace
    where nspowner = 10 and nspname !~ '^pg_' and nspname <> 'information_schema'
    union all
    select format('alter %s %s', case relkind when 'v' then 'view' when 'm' then 'materialized view'
      when 'f' then 'foreign table' when 'S' then 'sequence' when 'c' then 'type' else 'table' end, c.oid::regclass)
    from pg_class c where relkind in ('r', 'p', 'v', 'm', 'f', 'S', 'c') and relowner = 10
      and relnamespace in (select oid from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema')
      and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid
        and (d.deptype = 'e' or relkind = 'S' and d.deptype in ('a', 'i')))
    union all
    select format('alter type %s', t.oid::regtype) from pg_type t
    where typtype in ('d', 'e', 'r') and typowner = 10
      and typnamespace in (select oid from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema')
      and not exists (select from pg_depend d where d.classid = 'pg_type'::regclass and d.objid = t.oid
        and d.deptype = 'e')
    union all
    select format('alter routine %s', p.oid::regprocedure) from pg_proc p
    join pg_language l on l.oid = prolang
    where proowner = 10 and l.lanpltrusted
      and pronamespace in (select oid from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema')
      and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid
        and d.deptype in ('e', 'i'))
  loop execute statement || ' owner to ${EMBEDDED_USER}'; end loop;
end $$`;
