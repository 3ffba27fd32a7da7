// Direct and indirect dependants of a Postgres relation: views, materialized views, rules, routines, operators, columns
// of its row type, foreign keys, policies, publications; and what its replacement would lack: triggers, rules,
// row-level security. Generates the statements that restore each; macros decide when to drop and restore them.
import { type Dependant, inCreationOrder } from '../dependants.ts';
import { OID } from './catalogue.ts';
import { quoteText } from './literal.ts';

/**
 * `root`, and the `graph` of what depends on it: views, routines, operators, and columns of a row type (with their
 * number). A row type is also the element type of an array.
 */
function graphSql(schema: string, identifier: string): string {
  return `with recursive root(oid) as (
  select c.oid from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where n.nspname = ${quoteText(schema)} and c.relname = ${quoteText(identifier)}
), graph(class, oid, col) as (
  select ${OID.relation}::oid, oid, 0 from root
  union
  select n.class, n.oid, n.col from graph g
  cross join lateral (
    select d.classid, d.objid, d.objsubid from pg_catalog.pg_depend d
    where d.refclassid = g.class and d.refobjid = g.oid and d.deptype = 'n' and (g.col = 0 or d.refobjsubid = g.col)
    union all
    select d.classid, d.objid, d.objsubid from pg_catalog.pg_class c
    join pg_catalog.pg_type t on t.oid = c.reltype
    join pg_catalog.pg_depend d on d.refclassid = ${OID.type} and d.refobjid in (t.oid, t.typarray) and d.deptype = 'n'
    where g.class = ${OID.relation} and g.col = 0 and c.oid = g.oid
  ) d
  cross join lateral (
    select ${OID.relation}::oid, w.ev_class, 0 from pg_catalog.pg_rewrite w
    where d.classid = ${OID.rule} and w.oid = d.objid and w.rulename = '_RETURN'
    union all
    select d.classid, d.objid, 0 where d.classid in (${OID.function}, ${OID.operator})
    union all
    select d.classid, d.objid, d.objsubid from pg_catalog.pg_attribute a
    join pg_catalog.pg_class c on c.oid = a.attrelid and c.relkind in ('r', 'p')
    where d.classid = ${OID.relation} and a.attrelid = d.objid and a.attnum = d.objsubid and a.attinhcount = 0
  ) n(class, oid, col)
)`;
}

/** Policies of the relation, and those of other tables that reference something in the graph. */
const POLICIES = `select oid from pg_catalog.pg_policy where polrelid in (select oid from root)
    union
    select d.objid from graph g join pg_catalog.pg_depend d on d.classid = ${OID.policy} and d.refclassid = g.class
      and d.refobjid = g.oid and d.deptype = 'n'`;

/**
 * Schema and name of each dependant, in the order in which every run locks them: by the number of relations below. A
 * node holds its own lock and requests only higher ones, so no deadlock is possible. The query itself takes no lock:
 * that has to wait for the advisory locks. The relation itself is a row if something would be lost with it.
 */
export function dependantNamesSql(schema: string, identifier: string): string {
  return (
    `${graphSql(schema, identifier)}, found(oid) as (
  select oid from graph where class = ${OID.relation}
  union
  select k.conrelid from pg_catalog.pg_constraint k where k.contype = 'f' and k.confrelid in (select oid ` +
    `from root)
  union
  select p.polrelid from pg_catalog.pg_policy p where p.oid in (${POLICIES})
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
select distinct n.nspname, coalesce(p.proname, o.oprname), 1000 from graph g
left join pg_catalog.pg_proc p on g.class = ${OID.function} and p.oid = g.oid
left join pg_catalog.pg_operator o on g.class = ${OID.operator} and o.oid = g.oid
join pg_catalog.pg_namespace n on n.oid = coalesce(p.pronamespace, o.oprnamespace)
union all
select n.nspname, c.relname, 0 from root
join pg_catalog.pg_class c on c.oid = root.oid join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relrowsecurity or exists (select from pg_catalog.pg_policy p where p.polrelid = c.oid)
  or exists (select from pg_catalog.pg_trigger g where g.tgrelid = c.oid and not g.tgisinternal)
  or exists (select from pg_catalog.pg_rewrite w where w.ev_class = c.oid and w.rulename <> '_RETURN')
order by 3, 1, 2`
  );
}

/** The ids that an object reads according to a row of pg_depend, as a JSON list. A row type counts as its relation. */
function readsOf(depend: string): string {
  return (
    `coalesce(pg_catalog.json_agg(distinct case ${depend}.refclassid when ${OID.relation} then 'relation ' || ` +
    `${depend}.refobjid when ${OID.function} then 'function ' || ${depend}.refobjid when ${OID.operator} then ` +
    `'operator ' || ${depend}.refobjid when ${OID.type} then 'relation ' || (select coalesce(e.typrelid, t.typrelid) ` +
    `from pg_catalog.pg_type t left join pg_catalog.pg_type e on e.typarray = t.oid where t.oid = ` +
    `${depend}.refobjid) ` +
    `else '' end), '[]')`
  );
}

function ours(owner: string, schema: string): string {
  return (
    `pg_catalog.pg_has_role(${owner}, 'usage') and pg_catalog.has_schema_privilege(${schema}, 'usage') and ` +
    `pg_catalog.has_schema_privilege(${schema}, 'create')`
  );
}

/**
 * SQL that drops an object by its OID: when it runs, the relation in its signature has been renamed, and the name
 * belongs to the new relation.
 */
function byOid(statement: string, oid: string, type: string, name?: string): string {
  const parts = statement.split(/(%[Is])/).filter((part) => part !== '');
  const expression = parts
    .map((part) => (part === '%I' ? 'pg_catalog.quote_ident(%L)' : part === '%s' ? `%s::${type}` : quoteText(part)))
    .join(' || ');
  const values = [...(name === undefined ? [] : [name]), `${oid}::oid`].join(', ');
  return `pg_catalog.format('do %L', pg_catalog.format(${quoteText(`begin execute ${expression}; end`)}, ${values}))`;
}

/** `create aggregate` of the routine p. */
const AGGREGATE = (() => {
  const name = (oid: string): string =>
    "(select pg_catalog.format('%I.%I', fn.nspname, f.proname) from pg_catalog.pg_proc f join " +
    `pg_catalog.pg_namespace fn on fn.oid = f.pronamespace where f.oid = a.${oid})`;
  const routine = (word: string, oid: string): string =>
    `case when a.${oid} <> 0 then '${word} = ' || ${name(oid)} end`;
  const modify = (word: string, column: string): string =>
    `'${word} = ' || case a.${column} when 'r' then 'read_only' when 's' then 'shareable' else 'read_write' end`;
  const parts = [
    routine('sfunc', 'aggtransfn'),
    "'stype = ' || pg_catalog.format_type(a.aggtranstype, null)",
    "'sspace = ' || nullif(a.aggtransspace, 0)",
    routine('finalfunc', 'aggfinalfn'),
    "case when a.aggfinalextra then 'finalfunc_extra' end",
    modify('finalfunc_modify', 'aggfinalmodify'),
    routine('combinefunc', 'aggcombinefn'),
    routine('serialfunc', 'aggserialfn'),
    routine('deserialfunc', 'aggdeserialfn'),
    "'initcond = ' || pg_catalog.quote_literal(a.agginitval)",
    routine('msfunc', 'aggmtransfn'),
    routine('minvfunc', 'aggminvtransfn'),
    "case when a.aggmtranstype <> 0 then 'mstype = ' || pg_catalog.format_type(a.aggmtranstype, null) end",
    "'msspace = ' || nullif(a.aggmtransspace, 0)",
    routine('mfinalfunc', 'aggmfinalfn'),
    "case when a.aggmfinalextra then 'mfinalfunc_extra' end",
    `case when a.aggmtranstype <> 0 then ${modify('mfinalfunc_modify', 'aggmfinalmodify')} end`,
    "'minitcond = ' || pg_catalog.quote_literal(a.aggminitval)",
    "'sortop = ' || (select pg_catalog.format('operator(%I.%s)', sn.nspname, s.oprname) from " +
      'pg_catalog.pg_operator s join pg_catalog.pg_namespace sn on sn.oid = s.oprnamespace where s.oid = a.aggsortop)',
    "'parallel = ' || case p.proparallel when 's' then 'safe' when 'r' then 'restricted' else 'unsafe' end",
    "case when a.aggkind = 'h' then 'hypothetical' end",
  ];
  return (
    "select pg_catalog.format('create aggregate %I.%I(%s) (%s)', n.nspname, p.proname, " +
    "coalesce(nullif(pg_catalog.pg_get_function_arguments(p.oid), ''), '*'), pg_catalog.concat_ws(', ', " +
    `${parts.join(', ')})) from pg_catalog.pg_aggregate a where a.aggfnoid = p.oid`
  );
})();

/** `create operator` of the operator o. */
const OPERATOR = (() => {
  const routine = (word: string, column: string): string =>
    `'${word} = ' || (select pg_catalog.format('%I.%I', fn.nspname, f.proname) from pg_catalog.pg_proc f join ` +
    `pg_catalog.pg_namespace fn on fn.oid = f.pronamespace where f.oid = o.${column})`;
  const operator = (word: string, column: string): string =>
    `'${word} = ' || (select pg_catalog.format('operator(%I.%s)', sn.nspname, s.oprname) from ` +
    `pg_catalog.pg_operator s join pg_catalog.pg_namespace sn on sn.oid = s.oprnamespace where s.oid = o.${column})`;
  const type = (word: string, column: string): string =>
    `case when o.${column} <> 0 then '${word} = ' || pg_catalog.format_type(o.${column}, null) end`;
  const parts = [
    routine('function', 'oprcode'),
    type('leftarg', 'oprleft'),
    type('rightarg', 'oprright'),
    operator('commutator', 'oprcom'),
    operator('negator', 'oprnegate'),
    routine('restrict', 'oprrest'),
    routine('join', 'oprjoin'),
    "case when o.oprcanhash then 'hashes' end",
    "case when o.oprcanmerge then 'merges' end",
  ];
  return (
    "pg_catalog.format('create operator %I.%s (%s)', n.nspname, o.oprname, pg_catalog.concat_ws(', ', " +
    `${parts.join(', ')}))`
  );
})();

/** One JSON document per row, as `parseDependants` reads it. */
export function dependantsSql(schema: string, identifier: string): string {
  return (
    `${graphSql(schema, identifier)}, tree as (
  select oid from graph where class = ${OID.relation} and col = 0
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
    select ${readsOf('d')} from pg_catalog.pg_rewrite w
    join pg_catalog.pg_depend d on d.classid = ${OID.rule} and d.objid = w.oid
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
  'definition', d.text, 'comment', pg_catalog.obj_description(p.oid, 'pg_proc'), 'reloptions', '[]'::json, ` +
    `'grants', '[]'::json, 'ours', ${ours('p.proowner', 'p.pronamespace')},
  'reads', (select ${readsOf('d')} from pg_catalog.pg_depend d where d.classid = ${OID.function} and d.objid = p.oid),
  'drop', ${byOid('drop routine %s', 'p.oid', 'regprocedure')}, 'create', d.text,
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
from graph g join pg_catalog.pg_proc p on g.class = ${OID.function} and p.oid = g.oid
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
cross join lateral (select case p.prokind when 'a' then (${AGGREGATE}) else pg_catalog.pg_get_functiondef(p.oid) ` +
    `end) d(text)
union all
select pg_catalog.json_build_object(
  'own_name', o.oprname, 'id', 'operator ' || o.oid, 'order', o.oid::bigint, 'kind', 'operator', ` +
    `'schema', n.nspname, 'name', o.oprname, 'owner', pg_catalog.pg_get_userbyid(o.oprowner),
  'definition', d.text, 'comment', pg_catalog.obj_description(o.oid, 'pg_operator'), 'reloptions', '[]'::json, ` +
    `'grants', '[]'::json, 'ours', ${ours('o.oprowner', 'o.oprnamespace')},
  'reads', (select ${readsOf('d')} from pg_catalog.pg_depend d where d.classid = ${OID.operator} and d.objid = o.oid),
  'drop', ${byOid('drop operator %s', 'o.oid', 'regoperator')}, 'create', d.text,
  'more', pg_catalog.array_remove(array[
    case when pg_catalog.obj_description(o.oid, 'pg_operator') is not null then pg_catalog.format('comment on ` +
    `operator %s is %L', o.oid::regoperator, pg_catalog.obj_description(o.oid, 'pg_operator')) end,
    case when pg_catalog.pg_get_userbyid(o.oprowner) <> current_user then pg_catalog.format('alter operator %s ` +
    `owner to %I', o.oid::regoperator, pg_catalog.pg_get_userbyid(o.oprowner)) end], null))
from graph g join pg_catalog.pg_operator o on g.class = ${OID.operator} and o.oid = g.oid
join pg_catalog.pg_namespace n on n.oid = o.oprnamespace
cross join lateral (select ${OPERATOR}) d(text)
union all
select pg_catalog.json_build_object(
  'own_name', pg_catalog.string_agg(a.attname, ', ' order by a.attnum), 'id', 'relation ' || c.oid, 'order', ` +
    `c.oid::bigint, 'kind', 'column', 'schema', n.nspname, 'name', c.relname, 'owner', ` +
    `pg_catalog.pg_get_userbyid(c.relowner), 'definition', '', 'comment', null, 'reloptions', '[]'::json, ` +
    `'grants', '[]'::json, 'ours', pg_catalog.pg_has_role(c.relowner, 'usage'), 'reads', '[]'::json,
  'drop', pg_catalog.format('alter table %I.%I ', n.nspname, c.relname) || pg_catalog.string_agg(
    case when e.text is null then '' else pg_catalog.format('alter column %I drop default, ', a.attname) end ` +
    `|| pg_catalog.format('alter column %I type text using %1$I::text', a.attname), ', '),
  'create', pg_catalog.format('alter table %I.%I ', n.nspname, c.relname) || pg_catalog.string_agg(
    pg_catalog.format('alter column %1$I type %2$s using %1$I::%2$s', a.attname, pg_catalog.format_type(a.atttypid, ` +
    `a.atttypmod)) || case when e.text is null then '' else pg_catalog.format(', alter column %I set default %s', ` +
    `a.attname, e.text) end, ', '), 'more', '[]'::json)
from graph g join pg_catalog.pg_attribute a on g.class = ${OID.relation} and g.col > 0 and a.attrelid = g.oid and ` +
    `a.attnum = g.col
join pg_catalog.pg_class c on c.oid = g.oid join pg_catalog.pg_namespace n on n.oid = c.relnamespace
left join lateral (select pg_catalog.pg_get_expr(f.adbin, f.adrelid) from pg_catalog.pg_attrdef f where f.adrelid = ` +
    `a.attrelid and f.adnum = a.attnum) e(text) on true
group by c.oid, c.relname, c.relowner, n.nspname
union all
select pg_catalog.json_build_object(
  'own_name', p.polname, 'id', 'policy ' || p.oid, 'order', p.oid::bigint, 'kind', 'policy', 'schema', n.nspname, ` +
    `'name', c.relname, 'owner', pg_catalog.pg_get_userbyid(c.relowner), 'definition', '', 'comment', null, ` +
    `'reloptions', '[]'::json, 'grants', '[]'::json, 'own', c.oid in (select oid from root), ` +
    `'ours', pg_catalog.pg_has_role(c.relowner, 'usage'),
  'reads', (select ${readsOf('d')} from pg_catalog.pg_depend d where d.classid = ${OID.policy} and d.objid = p.oid),
  'drop', ${byOid('drop policy %I on %s', 'p.polrelid', 'regclass', 'p.polname')},
  'create', pg_catalog.format('create policy %I on %I.%I as %s for %s to %s', p.polname, n.nspname, c.relname, ` +
    `case when p.polpermissive then 'permissive' else 'restrictive' end,
    case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' ` +
    `else 'all' end,
    (select pg_catalog.string_agg(case r.oid when 0 then 'public' else ` +
    `pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(r.oid)) end, ', ') from pg_catalog.unnest(p.polroles) r(oid)))
    || coalesce(' using (' || pg_catalog.pg_get_expr(p.polqual, p.polrelid) || ')', '')
    || coalesce(' with check (' || pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) || ')', ''),
  'more', pg_catalog.array_remove(array[case when pg_catalog.obj_description(p.oid, 'pg_policy') is not null then ` +
    `pg_catalog.format('comment on policy %I on %I.%I is %L', p.polname, n.nspname, c.relname, ` +
    `pg_catalog.obj_description(p.oid, 'pg_policy')) end], null))
from pg_catalog.pg_policy p
join pg_catalog.pg_class c on c.oid = p.polrelid join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where p.oid in (${POLICIES})
union all
select pg_catalog.json_build_object(
  'own_name', t.name, 'id', t.kind || ' ' || t.oid, 'order', t.oid::bigint, 'kind', t.kind, 'schema', n.nspname, ` +
    `'name', c.relname, 'owner', pg_catalog.pg_get_userbyid(c.relowner), 'definition', t.text, 'comment', null, ` +
    `'reloptions', '[]'::json, 'grants', '[]'::json, 'own', true, 'reads', '[]'::json, 'drop', t.drop, 'create', ` +
    `t.text, 'more', pg_catalog.array_remove(array[case when t.said is not null then pg_catalog.format('comment on ` +
    `%s %I on %I.%I is %L', t.kind, t.name, n.nspname, c.relname, t.said) end,
    case when t.kind <> 'row_security' and t.enabled <> 'O' then pg_catalog.format('alter table %I.%I %s %s %I', ` +
    `n.nspname, c.relname, case t.enabled when 'D' then 'disable' when 'A' then 'enable always' else ` +
    `'enable replica' end, t.kind, t.name) end,
    case when t.kind = 'row_security' and c.relforcerowsecurity then pg_catalog.format('alter table %I.%I force ` +
    `row level security', n.nspname, c.relname) end], null))
from root join pg_catalog.pg_class c on c.oid = root.oid join pg_catalog.pg_namespace n on n.oid = c.relnamespace
cross join lateral (
  select 'trigger', g.oid, g.tgname, pg_catalog.pg_get_triggerdef(g.oid), g.tgenabled::text, ` +
    `pg_catalog.obj_description(g.oid, 'pg_trigger'), ${byOid('drop trigger %I on %s', 'c.oid', 'regclass', 'g.tgname')}
  from pg_catalog.pg_trigger g where g.tgrelid = c.oid and not g.tgisinternal
  union all
  select 'rule', w.oid, w.rulename, pg_catalog.pg_get_ruledef(w.oid), w.ev_enabled::text, ` +
    `pg_catalog.obj_description(w.oid, 'pg_rewrite'), ${byOid('drop rule %I on %s', 'c.oid', 'regclass', 'w.rulename')}
  from pg_catalog.pg_rewrite w where w.ev_class = c.oid and w.rulename <> '_RETURN'
  union all
  select 'row_security', c.oid, 'of the table', pg_catalog.format('alter table %I.%I enable row level security', ` +
    `n.nspname, c.relname), 'O', null, ${byOid('alter table %s disable row level security', 'c.oid', 'regclass')}
  where c.relrowsecurity
) t(kind, oid, name, text, enabled, said, drop)
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
  'drop', ${byOid('alter publication %I drop table %s', 'root.oid', 'regclass', 'b.pubname')},
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
  readonly own?: boolean;
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
    own: row.own ?? false,
    reloptions: row.reloptions,
    grants: row.grants,
    reads: row.reads,
    dropSql: row.drop,
    createSql: [row.create, ...(row.more ?? [])].map((sql) => sql.trim().replace(/;$/, '')).join(';\n'),
  }));
}
