// Dependants of a Postgres relation, however far up: views, materialized views, rules, functions, foreign keys,
// publications; with the statements that restore each. Macros decide when to drop and restore them.
import { type Dependant, inCreationOrder } from '../dependants.ts';
import { quoteText } from './literal.ts';

/**
 * Schema and name of each dependant, in the order in which every run locks them: by the number of relations below. A
 * node holds its own lock and wants only higher ones, so no deadlock is possible. The query itself takes no lock: that
 * has to wait for the advisory locks.
 */
export function dependantNamesSql(schema: string, identifier: string): string {
  return (
    `with recursive root(oid) as (
  select c.oid from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where n.nspname = ${quoteText(schema)} and c.relname = ${quoteText(identifier)}
), tree(oid) as (
  select oid from root
  union
  select w.ev_class from tree t
  join pg_catalog.pg_depend d on d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = t.oid and ` +
    `d.classid = 'pg_catalog.pg_rewrite'::regclass
  join pg_catalog.pg_rewrite w on w.oid = d.objid
  where w.ev_class <> t.oid
), found(oid) as (
  select oid from tree
  union
  select k.conrelid from pg_catalog.pg_constraint k where k.contype = 'f' and k.confrelid in (select oid ` +
    `from root)
), below(top, oid, height) as (
  select oid, oid, 0 from found
  union
  select b.top, s.oid, b.height + 1 from below b
  cross join lateral (
    select d.refobjid as oid from pg_catalog.pg_rewrite w
    join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_rewrite'::regclass and d.objid = w.oid and ` +
    `d.refclassid = 'pg_catalog.pg_class'::regclass and d.deptype = 'n'
    where w.ev_class = b.oid
    union all
    select k.confrelid from pg_catalog.pg_constraint k where k.contype = 'f' and k.conrelid = b.oid
  ) s
  where s.oid <> b.oid and b.height < 100
)
select n.nspname, c.relname, max(b.height) as height from below b
join pg_catalog.pg_class c on c.oid = b.top join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where b.top not in (select oid from root)
group by n.nspname, c.relname
union all
select distinct n.nspname, p.proname, 1000 from tree t
join pg_catalog.pg_class c on c.oid = t.oid
join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_proc'::regclass and d.deptype = 'n'
  and ((d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = t.oid) or (d.refclassid = ` +
    `'pg_catalog.pg_type'::regclass and d.refobjid = c.reltype))
join pg_catalog.pg_proc p on p.oid = d.objid join pg_catalog.pg_namespace n on n.oid = p.pronamespace
order by 3, 1, 2`
  );
}

/** One JSON document a row, as `parseDependants` reads it. */
export function dependantsSql(schema: string, identifier: string): string {
  return (
    `with recursive tree(oid) as (
  select c.oid from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where n.nspname = ${quoteText(schema)} and c.relname = ${quoteText(identifier)}
  union
  select w.ev_class from tree t
  join pg_catalog.pg_depend d on d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = t.oid
  join pg_catalog.pg_rewrite w on d.classid = 'pg_catalog.pg_rewrite'::regclass and w.oid = d.objid
  where w.ev_class <> t.oid and w.rulename = '_RETURN'
), root as (
  select c.oid from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where n.nspname = ${quoteText(schema)} and c.relname = ${quoteText(identifier)}
), relations as (
  select c.oid, c.relkind, c.relname, n.nspname, c.relacl, c.relowner, c.reloptions, c.relispopulated, ` +
    `c.relnamespace, c.reltablespace, c.relam,
    pg_catalog.format('%I.%I', n.nspname, c.relname) as qualified, case c.relkind when 'v' then 'view' else ` +
    `'materialized view' end as word
  from tree join pg_catalog.pg_class c on c.oid = tree.oid join pg_catalog.pg_namespace n on n.oid = ` +
    `c.relnamespace
  where c.oid not in (select oid from root)
)
select pg_catalog.json_build_object(
  'id', 'relation ' || r.oid, 'order', r.oid::bigint, 'kind', replace(r.word, ' ', '_'), 'schema', ` +
    `r.nspname, 'name', r.relname, 'owner', pg_catalog.pg_get_userbyid(r.relowner),
  'definition', pg_catalog.pg_get_viewdef(r.oid), 'comment', pg_catalog.obj_description(r.oid, 'pg_class'), ` +
    `'reloptions', coalesce(r.reloptions, '{}'),
  'ours', pg_catalog.pg_has_role(r.relowner, 'usage') and pg_catalog.has_schema_privilege(r.relnamespace, ` +
    `'usage') and pg_catalog.has_schema_privilege(r.relnamespace, 'create'),
  'reads', (
    select coalesce(pg_catalog.json_agg(distinct 'relation ' || d.refobjid), '[]') from ` +
    `pg_catalog.pg_rewrite w
    join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_rewrite'::regclass and d.objid = w.oid and ` +
    `d.refclassid = 'pg_catalog.pg_class'::regclass
    where w.ev_class = r.oid and d.refobjid <> r.oid),
  'grants', (
    select coalesce(pg_catalog.json_agg(pg_catalog.lower(a.privilege_type) || ' to ' || case when a.grantee ` +
    `= 0 then 'public' else pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) end), '[]')
    from pg_catalog.aclexplode(r.relacl) a where a.grantee <> r.relowner),
  'drop', 'drop ' || r.word || ' ' || r.qualified,
  'create', 'create ' || r.word || ' ' || r.qualified
    || coalesce((select ' using ' || pg_catalog.quote_ident(m.amname) from pg_catalog.pg_am m where m.oid = ` +
    `r.relam), '')
    || coalesce(' with (' || (select pg_catalog.string_agg(pg_catalog.quote_ident(pg_catalog.split_part(o, ` +
    `'=', 1)) || ' = ' || pg_catalog.quote_literal(pg_catalog.substr(o, pg_catalog.strpos(o, '=') + 1)), ', ')
      from pg_catalog.unnest(r.reloptions) o) || ')', '')
    || coalesce((select ' tablespace ' || pg_catalog.quote_ident(s.spcname) from pg_catalog.pg_tablespace s ` +
    `where s.oid = r.reltablespace), '')
    || ' as ' || pg_catalog.rtrim(pg_catalog.pg_get_viewdef(r.oid), ';') || case when r.relkind = 'm' and ` +
    `not r.relispopulated then ' with no data' else '' end,
  'more', pg_catalog.array_remove(
    (select pg_catalog.array_agg(pg_catalog.pg_get_indexdef(i.indexrelid) order by i.indexrelid) from ` +
    `pg_catalog.pg_index i where i.indrelid = r.oid)
    || (select pg_catalog.array_agg(pg_catalog.pg_get_ruledef(w.oid) order by w.oid) from ` +
    `pg_catalog.pg_rewrite w where w.ev_class = r.oid and w.rulename <> '_RETURN')
    || (select pg_catalog.array_agg(pg_catalog.pg_get_triggerdef(g.oid) order by g.oid) from ` +
    `pg_catalog.pg_trigger g where g.tgrelid = r.oid and not g.tgisinternal)
    || (select pg_catalog.array_agg(pg_catalog.format('comment on %s is %L', o.what, o.said)) from (
        select 'index ' || i.indexrelid::regclass, pg_catalog.obj_description(i.indexrelid, 'pg_class') ` +
    `from pg_catalog.pg_index i where i.indrelid = r.oid
        union all select pg_catalog.format('rule %I on %s', w.rulename, r.qualified), ` +
    `pg_catalog.obj_description(w.oid, 'pg_rewrite') from pg_catalog.pg_rewrite w where w.ev_class = r.oid
        union all select pg_catalog.format('trigger %I on %s', g.tgname, r.qualified), ` +
    `pg_catalog.obj_description(g.oid, 'pg_trigger') from pg_catalog.pg_trigger g where g.tgrelid = r.oid
      ) o(what, said) where o.said is not null)
    || (select pg_catalog.array_agg(pg_catalog.format('alter materialized view %s cluster on %I', ` +
    `r.qualified, c.relname))
        from pg_catalog.pg_index i join pg_catalog.pg_class c on c.oid = i.indexrelid where i.indrelid = ` +
    `r.oid and i.indisclustered)
    || (select pg_catalog.array_agg(pg_catalog.format('alter materialized view %s alter column %I set ` +
    `statistics %s', r.qualified, a.attname, a.attstattarget))
        from pg_catalog.pg_attribute a where a.attrelid = r.oid and r.relkind = 'm' and a.attnum > 0 and ` +
    `a.attstattarget >= 0)
    || (select pg_catalog.array_agg(pg_catalog.format('alter view %s alter column %I set default %s', ` +
    `r.qualified, a.attname, pg_catalog.pg_get_expr(f.adbin, f.adrelid)) order by a.attnum)
        from pg_catalog.pg_attrdef f join pg_catalog.pg_attribute a on a.attrelid = f.adrelid and a.attnum ` +
    `= f.adnum where f.adrelid = r.oid)
    || (select pg_catalog.format('comment on %s %s is %L', r.word, r.qualified, ` +
    "pg_catalog.obj_description(r.oid, 'pg_class')) where pg_catalog.obj_description(r.oid, 'pg_class') is not " +
    `null)
    || (select pg_catalog.array_agg(pg_catalog.format('comment on column %s.%I is %L', r.qualified, ` +
    `a.attname, pg_catalog.col_description(r.oid, a.attnum)) order by a.attnum)
        from pg_catalog.pg_attribute a where a.attrelid = r.oid and a.attnum > 0 and ` +
    `pg_catalog.col_description(r.oid, a.attnum) is not null)
    || (select pg_catalog.array_agg(distinct pg_catalog.format('revoke all on %s from %s', r.qualified, ` +
    "case when x.grantee = 0 then 'public' else pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(x.grantee)) " +
    `end))
        from pg_catalog.pg_default_acl da, pg_catalog.aclexplode(da.defaclacl) x
        where da.defaclobjtype = 'r' and da.defaclnamespace in (0, r.relnamespace) and ` +
    `pg_catalog.pg_get_userbyid(da.defaclrole) = current_user and x.grantee <> da.defaclrole)
    || (select pg_catalog.array_agg(pg_catalog.format('grant %s on %s to %s%s', x.privilege_type, ` +
    `r.qualified,
          case when x.grantee = 0 then 'public' else ` +
    "pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(x.grantee)) end, case when x.is_grantable then ' with " +
    `grant option' else '' end))
        from pg_catalog.aclexplode(r.relacl) x where x.grantee <> r.relowner)
    || (select pg_catalog.array_agg(pg_catalog.format('grant %s (%I) on %s to %s%s', x.privilege_type, ` +
    `a.attname, r.qualified,
          case when x.grantee = 0 then 'public' else ` +
    "pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(x.grantee)) end, case when x.is_grantable then ' with " +
    `grant option' else '' end))
        from pg_catalog.pg_attribute a, pg_catalog.aclexplode(a.attacl) x where a.attrelid = r.oid and ` +
    `a.attacl is not null and x.grantee <> r.relowner)
    || (select pg_catalog.format('alter %s %s owner to %I', r.word, r.qualified, ` +
    `pg_catalog.pg_get_userbyid(r.relowner)) where pg_catalog.pg_get_userbyid(r.relowner) <> current_user),
    null)
) as dependant
from relations r
union all
select pg_catalog.json_build_object(
  'own_name', w.rulename, 'id', 'rule ' || w.oid, 'order', w.oid::bigint, 'kind', 'rule', 'schema', ` +
    `n.nspname, 'name', c.relname, 'owner', pg_catalog.pg_get_userbyid(c.relowner),
  'definition', pg_catalog.pg_get_ruledef(w.oid), 'comment', null, 'reloptions', '[]'::json, 'grants', ` +
    `'[]'::json,
  'reads', pg_catalog.json_agg(distinct 'relation ' || d.refobjid), 'drop', pg_catalog.format('drop rule %I ` +
    `on %I.%I', w.rulename, n.nspname, c.relname),
  'create', pg_catalog.pg_get_ruledef(w.oid),
  'more', pg_catalog.array_remove(array[
    case when pg_catalog.obj_description(w.oid, 'pg_rewrite') is not null then pg_catalog.format('comment ` +
    "on rule %I on %I.%I is %L', w.rulename, n.nspname, c.relname, pg_catalog.obj_description(w.oid, " +
    `'pg_rewrite')) end,
    case w.ev_enabled when 'D' then pg_catalog.format('alter table %I.%I disable rule %I', n.nspname, ` +
    `c.relname, w.rulename)
      when 'A' then pg_catalog.format('alter table %I.%I enable always rule %I', n.nspname, c.relname, ` +
    `w.rulename)
      when 'R' then pg_catalog.format('alter table %I.%I enable replica rule %I', n.nspname, c.relname, ` +
    `w.rulename) end], null))
from tree join pg_catalog.pg_depend d on d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = ` +
    `tree.oid and d.classid = 'pg_catalog.pg_rewrite'::regclass
join pg_catalog.pg_rewrite w on w.oid = d.objid and w.rulename <> '_RETURN'
join pg_catalog.pg_class c on c.oid = w.ev_class join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where w.ev_class not in (select oid from tree)
group by w.oid, w.rulename, w.ev_enabled, n.nspname, c.relname, c.relowner
union all
select pg_catalog.json_build_object(
  'own_name', p.proname, 'id', 'function ' || p.oid, 'order', p.oid::bigint, 'kind', 'function', 'schema', ` +
    `n.nspname, 'name', p.proname, 'owner', pg_catalog.pg_get_userbyid(p.proowner),
  'definition', pg_catalog.pg_get_functiondef(p.oid), 'comment', pg_catalog.obj_description(p.oid, ` +
    `'pg_proc'), 'reloptions', '[]'::json, 'grants', '[]'::json,
  'reads', pg_catalog.json_agg(distinct 'relation ' || t.oid), 'drop', pg_catalog.format('drop %s ` +
    "%I.%I(%s)', case p.prokind when 'p' then 'procedure' else 'function' end, n.nspname, p.proname, " +
    `pg_catalog.pg_get_function_identity_arguments(p.oid)),
  'create', pg_catalog.pg_get_functiondef(p.oid),
  'more', pg_catalog.array_remove(array[
    case when pg_catalog.obj_description(p.oid, 'pg_proc') is not null then pg_catalog.format('comment on ` +
    `routine %s is %L', p.oid::regprocedure, pg_catalog.obj_description(p.oid, 'pg_proc')) end,
    case when p.proacl is not null then pg_catalog.format('revoke all on routine %s from public', ` +
    `p.oid::regprocedure) end]
    || (select pg_catalog.array_agg(pg_catalog.format('grant execute on routine %s to %s%s', ` +
    `p.oid::regprocedure,
          case when x.grantee = 0 then 'public' else ` +
    "pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(x.grantee)) end, case when x.is_grantable then ' with " +
    `grant option' else '' end))
        from pg_catalog.aclexplode(p.proacl) x where x.grantee <> p.proowner)
    || array[case when pg_catalog.pg_get_userbyid(p.proowner) <> current_user then pg_catalog.format('alter ` +
    `routine %s owner to %I', p.oid::regprocedure, pg_catalog.pg_get_userbyid(p.proowner)) end], null))
from tree t join pg_catalog.pg_class c on c.oid = t.oid
join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_proc'::regclass and d.deptype = 'n'
  and ((d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = t.oid) or (d.refclassid = ` +
    `'pg_catalog.pg_type'::regclass and d.refobjid = c.reltype))
join pg_catalog.pg_proc p on p.oid = d.objid and p.prokind in ('f', 'p') join pg_catalog.pg_namespace n on ` +
    `n.oid = p.pronamespace
group by p.oid, n.nspname
union all
select pg_catalog.json_build_object(
  'own_name', k.conname, 'id', 'constraint ' || k.oid, 'order', k.oid::bigint, 'kind', 'foreign_key', ` +
    `'schema', n.nspname, 'name', c.relname, 'owner', pg_catalog.pg_get_userbyid(c.relowner),
  'definition', pg_catalog.pg_get_constraintdef(k.oid), 'comment', null, 'reloptions', '[]'::json, 'grants',` +
    ` '[]'::json, 'reads', '[]'::json,
  'drop', pg_catalog.format('alter table %I.%I drop constraint %I', n.nspname, c.relname, k.conname),
  'create', pg_catalog.format('alter table %I.%I add constraint %I %s', n.nspname, c.relname, k.conname, ` +
    `pg_catalog.pg_get_constraintdef(k.oid)),
  'more', pg_catalog.array_remove(array[(select pg_catalog.format('comment on constraint %I on %I.%I is %L',` +
    ` k.conname, n.nspname, c.relname, o.said)
    from pg_catalog.obj_description(k.oid, 'pg_constraint') o(said) where o.said is not null)], null))
from root join pg_catalog.pg_constraint k on k.contype = 'f' and k.confrelid = root.oid and k.conrelid <> ` +
    `root.oid and k.conparentid = 0
join pg_catalog.pg_class c on c.oid = k.conrelid join pg_catalog.pg_namespace n on n.oid = c.relnamespace
union all
select pg_catalog.json_build_object(
  'own_name', b.pubname, 'id', 'publication ' || m.oid, 'order', m.oid::bigint, 'kind', 'publication', ` +
    `'schema', t.schemaname, 'name', t.tablename, 'owner', pg_catalog.pg_get_userbyid(b.pubowner),
  'definition', '', 'comment', null, 'reloptions', '[]'::json, 'grants', '[]'::json, 'reads', '[]'::json,
  'drop', pg_catalog.format('do $tsdbt$ begin execute pg_catalog.format(''alter publication %I drop table ` +
    `%%s'', %s::regclass); end $tsdbt$', b.pubname, root.oid),
  'create', pg_catalog.format('alter publication %I add table %I.%I', b.pubname, t.schemaname, t.tablename)
    || coalesce((select ' (' || pg_catalog.string_agg(pg_catalog.quote_ident(a), ', ') || ')' from ` +
    `pg_catalog.json_array_elements_text(pg_catalog.to_json(t) -> 'attnames') a
      where (pg_catalog.to_json(m) ->> 'prattrs') is not null), '')
    || coalesce(' where (' || (pg_catalog.to_json(t) ->> 'rowfilter') || ')', ''), 'more', '[]'::json)
from root join pg_catalog.pg_publication_rel m on m.prrelid = root.oid join pg_catalog.pg_publication b on ` +
    `b.oid = m.prpubid
join pg_catalog.pg_class c on c.oid = root.oid join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_publication_tables t on t.pubname = b.pubname and t.schemaname = n.nspname and ` +
    `t.tablename = c.relname
where pg_catalog.pg_has_role(b.pubowner, 'usage')`
  );
}

interface Row {
  readonly id: string;
  readonly order: number;
  readonly kind: Dependant['kind'];
  readonly schema: string;
  readonly name: string;
  readonly owner: string;
  readonly definition: string;
  readonly comment: string | null;
  readonly reloptions: readonly string[];
  readonly grants: readonly string[];
  readonly reads: readonly string[];
  readonly drop: string;
  readonly create: string;
  readonly more: readonly string[] | null;
  readonly ours?: boolean;
  readonly own_name?: string;
}

/** Parses the rows of `dependantsSql`; a dependant comes before its readers. */
export function parseDependants(documents: readonly string[], database: string | null): Dependant[] {
  const rows = documents.map((text) => JSON.parse(text) as Row).sort((a, b) => a.order - b.order);
  return inCreationOrder(rows).map((row) => ({
    id: row.id,
    kind: row.kind,
    database,
    schema: row.schema,
    name: row.name,
    ownName: row.own_name ?? null,
    owner: row.owner,
    definition: row.definition,
    comment: row.comment,
    ours: row.ours ?? true,
    reloptions: row.reloptions,
    grants: row.grants,
    reads: row.reads,
    dropSql: row.drop,
    createSql: [row.create, ...(row.more ?? [])].map((sql) => sql.trim().replace(/;$/, '')).join(';\n'),
  }));
}
