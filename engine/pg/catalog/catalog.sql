-- What a database's schema is made of, one row per object:
--
--   kind, schema, the table (view, type) it belongs to or '', name, attributes
--
-- The attributes are JSON without nulls; what is PostgreSQL's default is left
-- out of them. Names in definitions are complete, since search_path holds
-- pg_catalog alone. What an extension made is the extension's business.
-- to_jsonb(row) -> 'column' reads columns that older versions lack.

-- schemas
select 'schema', n.nspname, '', n.nspname,
  jsonb_strip_nulls(jsonb_build_object(
    'owner', pg_get_userbyid(n.nspowner),
    'privileges', (select nullif(coalesce(string_agg(i::text, ', ' order by i::text), 'none'),
                     (select string_agg(j::text, ', ' order by j::text) from unnest(acldefault('n', n.nspowner)) j))
                   from unnest(coalesce(n.nspacl, acldefault('n', n.nspowner))) i)
  ))::text
from pg_namespace n
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  and not exists (select from pg_depend d where d.classid = 'pg_namespace'::regclass and d.objid = n.oid and d.deptype = 'e');

-- tables, views, sequences and composite types
select case c.relkind when 'v' then 'view' when 'm' then 'materialized view' when 'f' then 'foreign table'
                      when 'S' then 'sequence' when 'c' then 'type' else 'table' end,
  n.nspname, '', c.relname,
  jsonb_strip_nulls(jsonb_build_object(
    'owner', pg_get_userbyid(c.relowner),
    'privileges', (select nullif(coalesce(string_agg(i::text, ', ' order by i::text), 'none'), base.acl)
                   from unnest(coalesce(c.relacl, acldefault(base.class, c.relowner))) i),
    'column order', case when c.relkind in ('r', 'p', 'f', 'c') then (
       select string_agg(quote_ident(a.attname), ', ' order by a.attnum) from pg_attribute a
       where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) end,
    'persistence', case c.relpersistence when 'u' then 'unlogged' end,
    'form', case c.relkind when 'c' then 'composite' end,
    'definition', case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) end,
    'partition key', case c.relkind when 'p' then pg_get_partkeydef(c.oid) end,
    'partition bound', pg_get_expr(c.relpartbound, c.oid),
    'parents', (select string_agg(i.inhparent::regclass::text, ', ' order by i.inhseqno) from pg_inherits i
                where i.inhrelid = c.oid),
    'of type', case when c.reloftype <> 0 then c.reloftype::regtype::text end,
    'options', (select string_agg(o, ', ' order by o) from unnest(c.reloptions) o),
    'toast options', (select string_agg(o, ', ' order by o) from pg_class t, unnest(t.reloptions) o
                      where t.oid = c.reltoastrelid),
    'tablespace', (select t.spcname from pg_tablespace t where t.oid = c.reltablespace),
    'access method', (select m.amname from pg_am m
                      where m.oid = c.relam and m.amname <> current_setting('default_table_access_method')),
    'row security', case when c.relforcerowsecurity and c.relrowsecurity then 'forced'
                         when c.relforcerowsecurity then 'forced, disabled'
                         when c.relrowsecurity then 'enabled' end,
    'replica identity', case when c.relkind in ('r', 'p', 'm') then
       case c.relreplident when 'n' then 'nothing' when 'f' then 'full' when 'i' then 'index' end end,
    'server', (select s.srvname from pg_foreign_table f join pg_foreign_server s on s.oid = f.ftserver where f.ftrelid = c.oid),
    'foreign options', (select array_to_string(f.ftoptions, ', ') from pg_foreign_table f where f.ftrelid = c.oid),
    'data type', format_type(s.seqtypid, null),
    'start', s.seqstart, 'increment', s.seqincrement, 'minimum', s.seqmin, 'maximum', s.seqmax, 'cache', s.seqcache,
    'cycle', nullif(s.seqcycle, false),
    'owned by', (select d.refobjid::regclass::text || '.' || quote_ident(a.attname)
                 from pg_depend d join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
                 where c.relkind = 'S' and d.classid = 'pg_class'::regclass and d.objid = c.oid
                   and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i') limit 1)
  ))::text
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
left join pg_sequence s on s.seqrelid = c.oid
cross join lateral (
  select cls.class, (select string_agg(i::text, ', ' order by i::text) from unnest(acldefault(cls.class, c.relowner)) i) as acl
  from (select case c.relkind when 'S' then 's'::"char" else 'r'::"char" end as class) cls) base
where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S', 'c')
  and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e');

-- columns
select 'column', n.nspname, c.relname, a.attname,
  jsonb_strip_nulls(jsonb_build_object(
    'type', format_type(a.atttypid, a.atttypmod),
    'not null', nullif(a.attnotnull, false),
    'default', case when a.attgenerated = '' then pg_get_expr(d.adbin, d.adrelid) end,
    'generated', case when a.attgenerated <> '' then pg_get_expr(d.adbin, d.adrelid)
                   || case a.attgenerated when 'v' then ' virtual' else ' stored' end end,
    'identity', case a.attidentity when 'a' then 'always' when 'd' then 'by default' end,
    'collation', case when a.attcollation <> t.typcollation then a.attcollation::regcollation::text end,
    'storage', case when a.attstorage <> t.typstorage then a.attstorage end,
    'compression', nullif(to_jsonb(a) ->> 'attcompression', ''),
    'statistics', case when coalesce((to_jsonb(a) ->> 'attstattarget')::int, -1) >= 0 then a.attstattarget end,
    'options', array_to_string(a.attoptions, ', '),
    'foreign options', array_to_string(a.attfdwoptions, ', '),
    'inherited', case when a.attinhcount > 0 then case when a.attislocal then 'merged' else 'yes' end end,
    'privileges', (select string_agg(i::text, ', ' order by i::text) from unnest(a.attacl) i)
  ))::text
from pg_attribute a
join pg_class c on c.oid = a.attrelid
join pg_namespace n on n.oid = c.relnamespace
join pg_type t on t.oid = a.atttypid
left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
where a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'p', 'v', 'm', 'f', 'c')
  and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  and not exists (select from pg_depend x where x.classid = 'pg_class'::regclass and x.objid = c.oid and x.deptype = 'e');

-- constraints, with what matters of the index under them
select case when k.conrelid = 0 then 'domain constraint' else 'constraint' end, n.nspname,
  coalesce(c.relname, t.typname), k.conname,
  jsonb_strip_nulls(jsonb_build_object(
    'definition', pg_get_constraintdef(k.oid),
    'inherited', case when k.coninhcount > 0 then case when k.conislocal then 'merged' else 'yes' end end,
    'parent', case when k.conparentid <> 0 then (
       select p.conrelid::regclass::text || '.' || quote_ident(p.conname) from pg_constraint p where p.oid = k.conparentid) end,
    'index', case when i.indexrelid is not null and ic.relname <> k.conname then ic.relname end,
    'invalid', case when not i.indisvalid or not i.indisready then true end,
    'clustered', nullif(i.indisclustered, false),
    'replica identity', nullif(i.indisreplident, false),
    'tablespace', (select s.spcname from pg_tablespace s where s.oid = ic.reltablespace)
  ))::text
from pg_constraint k
join pg_namespace n on n.oid = k.connamespace
left join pg_class c on c.oid = k.conrelid
left join pg_type t on t.oid = k.contypid
left join pg_index i on k.contype in ('p', 'u', 'x') and i.indexrelid = k.conindid
left join pg_class ic on ic.oid = i.indexrelid
where k.contype in ('c', 'f', 'p', 'u', 'x')
  and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  and not exists (select from pg_depend d where d.deptype = 'e'
    and (d.classid = 'pg_class'::regclass and d.objid = k.conrelid or d.classid = 'pg_type'::regclass and d.objid = k.contypid));

-- indexes that no constraint owns
select 'index', n.nspname, c.relname, ic.relname,
  jsonb_strip_nulls(jsonb_build_object(
    'definition', pg_get_indexdef(i.indexrelid),
    'invalid', case when not i.indisvalid or not i.indisready then true end,
    'clustered', nullif(i.indisclustered, false),
    'replica identity', nullif(i.indisreplident, false),
    'parent', (select h.inhparent::regclass::text from pg_inherits h where h.inhrelid = i.indexrelid),
    'statistics', (select string_agg(a.attnum || ':' || a.attstattarget, ', ' order by a.attnum) from pg_attribute a
                   where a.attrelid = i.indexrelid and a.attstattarget >= 0),
    'tablespace', (select s.spcname from pg_tablespace s where s.oid = ic.reltablespace)
  ))::text
from pg_index i
join pg_class ic on ic.oid = i.indexrelid
join pg_class c on c.oid = i.indrelid
join pg_namespace n on n.oid = c.relnamespace
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  and not exists (select from pg_constraint k where k.conindid = i.indexrelid and k.contype in ('p', 'u', 'x'))
  and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid in (c.oid, ic.oid) and d.deptype = 'e');

-- functions, procedures and aggregates
select case p.prokind when 'p' then 'procedure' when 'a' then 'aggregate' else 'function' end,
  n.nspname, '', quote_ident(p.proname) || '(' || pg_get_function_identity_arguments(p.oid) || ')',
  jsonb_strip_nulls(jsonb_build_object(
    'owner', pg_get_userbyid(p.proowner),
    'privileges', (select nullif(coalesce(string_agg(i::text, ', ' order by i::text), 'none'),
                     (select string_agg(j::text, ', ' order by j::text) from unnest(acldefault('f', p.proowner)) j))
                   from unnest(coalesce(p.proacl, acldefault('f', p.proowner))) i),
    'definition', case when p.prokind <> 'a' then pg_get_functiondef(p.oid) end,
    'returns', case p.prokind when 'a' then pg_get_function_result(p.oid) end,
    'aggregate', (select concat_ws(' ', g.aggkind, g.aggtransfn, g.aggfinalfn, g.aggcombinefn, g.aggserialfn, g.aggdeserialfn,
        g.aggmtransfn, g.aggminvtransfn, g.aggmfinalfn, g.aggfinalextra, g.aggmfinalextra, g.aggfinalmodify,
        g.aggmfinalmodify, g.aggsortop::regoperator, format_type(g.aggtranstype, null), g.aggtransspace,
        format_type(g.aggmtranstype, null), g.aggmtransspace, quote_nullable(g.agginitval), quote_nullable(g.aggminitval), p.proparallel)
      from pg_aggregate g where g.aggfnoid = p.oid)
  ))::text
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid
                  and (d.deptype = 'e' or d.deptype = 'i' and d.refclassid = 'pg_type'::regclass));

-- triggers; those that a partition has from its parent are the parent's
select 'trigger', n.nspname, c.relname, t.tgname,
  jsonb_strip_nulls(jsonb_build_object(
    'definition', pg_get_triggerdef(t.oid),
    'enabled', case t.tgenabled when 'D' then 'disabled' when 'R' then 'replica' when 'A' then 'always' end
  ))::text
from pg_trigger t
join pg_class c on c.oid = t.tgrelid
join pg_namespace n on n.oid = c.relnamespace
where not t.tgisinternal and coalesce((to_jsonb(t) ->> 'tgparentid')::bigint, 0) = 0
  and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  and not exists (select from pg_depend d where d.classid = 'pg_trigger'::regclass and d.objid = t.oid and d.deptype = 'e');

-- rules, but for those that are views
select 'rule', n.nspname, c.relname, r.rulename,
  jsonb_strip_nulls(jsonb_build_object(
    'definition', pg_get_ruledef(r.oid),
    'enabled', case r.ev_enabled when 'D' then 'disabled' when 'R' then 'replica' when 'A' then 'always' end
  ))::text
from pg_rewrite r
join pg_class c on c.oid = r.ev_class
join pg_namespace n on n.oid = c.relnamespace
where r.rulename <> '_RETURN' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  and not exists (select from pg_depend d where d.classid = 'pg_rewrite'::regclass and d.objid = r.oid and d.deptype = 'e');

-- policies of row security
select 'policy', n.nspname, c.relname, p.polname,
  jsonb_strip_nulls(jsonb_build_object(
    'command', case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all' end,
    'restrictive', case when not p.polpermissive then true end,
    'roles', (select string_agg(case r when 0 then 'public' else pg_get_userbyid(r) end, ', ' order by 1) from unnest(p.polroles) r),
    'using', pg_get_expr(p.polqual, p.polrelid),
    'check', pg_get_expr(p.polwithcheck, p.polrelid)
  ))::text
from pg_policy p
join pg_class c on c.oid = p.polrelid
join pg_namespace n on n.oid = c.relnamespace
where not exists (select from pg_depend d where d.classid = 'pg_policy'::regclass and d.objid = p.oid and d.deptype = 'e');

-- enums, domains, ranges and base types
select case t.typtype when 'd' then 'domain' else 'type' end, n.nspname, '', t.typname,
  jsonb_strip_nulls(jsonb_build_object(
    'owner', pg_get_userbyid(t.typowner),
    'privileges', (select nullif(coalesce(string_agg(i::text, ', ' order by i::text), 'none'),
                     (select string_agg(j::text, ', ' order by j::text) from unnest(acldefault('T', t.typowner)) j))
                   from unnest(coalesce(t.typacl, acldefault('T', t.typowner))) i),
    'form', case t.typtype when 'e' then 'enum' when 'r' then 'range' when 'b' then 'base' when 'p' then 'shell' end,
    'values', (select string_agg(quote_literal(e.enumlabel), ', ' order by e.enumsortorder) from pg_enum e where e.enumtypid = t.oid),
    'base type', case t.typtype when 'd' then format_type(t.typbasetype, t.typtypmod) end,
    'not null', nullif(t.typnotnull, false),
    'default', t.typdefault,
    'collation', case when t.typtype = 'd' and t.typcollation <> (select b.typcollation from pg_type b where b.oid = t.typbasetype)
                      then t.typcollation::regcollation::text end,
    'range', (select concat_ws(' ', format_type(r.rngsubtype, null), nullif(r.rngcollation, 0)::regcollation,
                (select o.opcnamespace::regnamespace || '.' || o.opcname from pg_opclass o where o.oid = r.rngsubopc), r.rngcanonical, r.rngsubdiff)
              from pg_range r where r.rngtypid = t.oid),
    'functions', case t.typtype when 'b' then concat_ws(' ', t.typinput, t.typoutput, t.typreceive, t.typsend, t.typmodin,
                   t.typmodout, t.typanalyze, t.typlen, t.typbyval, t.typalign, t.typstorage, t.typcategory, t.typispreferred, t.typdelim) end
  ))::text
from pg_type t
join pg_namespace n on n.oid = t.typnamespace
where t.typrelid = 0 and t.typcategory <> 'A' and t.typtype in ('e', 'd', 'r', 'b', 'p')
  and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  and not exists (select from pg_depend d where d.classid = 'pg_type'::regclass and d.objid = t.oid and d.deptype = 'e');

-- extensions
select 'extension', '', '', e.extname,
  jsonb_build_object('schema', n.nspname, 'version', e.extversion)::text
from pg_extension e
join pg_namespace n on n.oid = e.extnamespace
where e.extname <> 'plpgsql';

-- extended statistics
select 'statistics', n.nspname, c.relname, s.stxname,
  jsonb_strip_nulls(jsonb_build_object(
    'owner', pg_get_userbyid(s.stxowner),
    'definition', pg_get_statisticsobjdef(s.oid),
    'statistics', case when coalesce((to_jsonb(s) ->> 'stxstattarget')::int, -1) >= 0 then to_jsonb(s) ->> 'stxstattarget' end
  ))::text
from pg_statistic_ext s
join pg_class c on c.oid = s.stxrelid
join pg_namespace n on n.oid = s.stxnamespace
where not exists (select from pg_depend d where d.classid = 'pg_statistic_ext'::regclass and d.objid = s.oid and d.deptype = 'e');

-- operators, their classes and families
select 'operator', n.nspname, '', o.oprname || '(' || format_type(o.oprleft, null) || ', ' || format_type(o.oprright, null) || ')',
  jsonb_strip_nulls(jsonb_build_object(
    'owner', pg_get_userbyid(o.oprowner), 'function', o.oprcode,
    'commutator', nullif(o.oprcom, 0)::regoperator::text, 'negator', nullif(o.oprnegate, 0)::regoperator::text,
    'restrict', nullif(o.oprrest, 0)::text, 'join', nullif(o.oprjoin, 0)::text,
    'hashes', nullif(o.oprcanhash, false), 'merges', nullif(o.oprcanmerge, false)
  ))::text
from pg_operator o
join pg_namespace n on n.oid = o.oprnamespace
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  and not exists (select from pg_depend d where d.classid = 'pg_operator'::regclass and d.objid = o.oid and d.deptype = 'e');

select 'operator class', n.nspname, '', c.opcname || ' using ' || m.amname,
  jsonb_strip_nulls(jsonb_build_object(
    'owner', pg_get_userbyid(c.opcowner), 'type', format_type(c.opcintype, null), 'storage', format_type(nullif(c.opckeytype, 0), null),
    'default', nullif(c.opcdefault, false),
    'operators', (select string_agg(concat_ws(' ', o.amopstrategy, o.amopopr::regoperator, o.amoppurpose), ', ' order by o.amopstrategy, 1)
                  from pg_amop o where o.amopfamily = c.opcfamily),
    'functions', (select string_agg(p.amprocnum || ' ' || p.amproc::regprocedure, ', ' order by p.amprocnum, 1)
                  from pg_amproc p where p.amprocfamily = c.opcfamily)
  ))::text
from pg_opclass c
join pg_namespace n on n.oid = c.opcnamespace
join pg_am m on m.oid = c.opcmethod
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  and not exists (select from pg_depend d where d.classid = 'pg_opclass'::regclass and d.objid = c.oid and d.deptype = 'e');

select 'operator family', n.nspname, '', f.opfname || ' using ' || m.amname,
  jsonb_build_object('owner', pg_get_userbyid(f.opfowner))::text
from pg_opfamily f
join pg_namespace n on n.oid = f.opfnamespace
join pg_am m on m.oid = f.opfmethod
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  and not exists (select from pg_depend d where d.classid = 'pg_opfamily'::regclass and d.objid = f.oid and d.deptype = 'e');

-- collations, casts and conversions
select 'collation', n.nspname, '', c.collname,
  ((to_jsonb(c) - array['oid', 'collname', 'collnamespace', 'collowner', 'collversion'])
    || jsonb_build_object('owner', pg_get_userbyid(c.collowner)))::text
from pg_collation c
join pg_namespace n on n.oid = c.collnamespace
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  and not exists (select from pg_depend d where d.classid = 'pg_collation'::regclass and d.objid = c.oid and d.deptype = 'e');

select 'cast', '', '', '(' || format_type(c.castsource, null) || ' as ' || format_type(c.casttarget, null) || ')',
  jsonb_build_object('function', nullif(c.castfunc, 0)::regprocedure::text, 'context', c.castcontext, 'method', c.castmethod)::text
from pg_cast c
where c.oid >= 16384
  and not exists (select from pg_depend d where d.classid = 'pg_cast'::regclass and d.objid = c.oid and d.deptype in ('e', 'i'));

select 'conversion', n.nspname, '', c.conname,
  jsonb_build_object('owner', pg_get_userbyid(c.conowner), 'default', c.condefault,
    'definition', concat_ws(' ', pg_encoding_to_char(c.conforencoding), pg_encoding_to_char(c.contoencoding), c.conproc))::text
from pg_conversion c
join pg_namespace n on n.oid = c.connamespace
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  and not exists (select from pg_depend d where d.classid = 'pg_conversion'::regclass and d.objid = c.oid and d.deptype = 'e');

-- text search
select 'text search configuration', n.nspname, '', c.cfgname,
  jsonb_build_object('owner', pg_get_userbyid(c.cfgowner), 'parser', (select p.prsname from pg_ts_parser p where p.oid = c.cfgparser),
    'mappings', (select string_agg(m.maptokentype || ':' || m.mapdict::regdictionary, ', ' order by m.maptokentype, m.mapseqno)
                 from pg_ts_config_map m where m.mapcfg = c.oid))::text
from pg_ts_config c
join pg_namespace n on n.oid = c.cfgnamespace
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  and not exists (select from pg_depend d where d.classid = 'pg_ts_config'::regclass and d.objid = c.oid and d.deptype = 'e');

select 'text search dictionary', n.nspname, '', t.dictname,
  jsonb_build_object('owner', pg_get_userbyid(t.dictowner), 'template', (select p.tmplname from pg_ts_template p where p.oid = t.dicttemplate),
    'options', t.dictinitoption)::text
from pg_ts_dict t
join pg_namespace n on n.oid = t.dictnamespace
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  and not exists (select from pg_depend d where d.classid = 'pg_ts_dict'::regclass and d.objid = t.oid and d.deptype = 'e');

-- languages, event triggers, publications, foreign servers and wrappers
select 'language', '', '', l.lanname,
  jsonb_build_object('owner', pg_get_userbyid(l.lanowner), 'trusted', l.lanpltrusted, 'handler', l.lanplcallfoid::regproc::text,
    'privileges', (select string_agg(i::text, ', ' order by i::text) from unnest(l.lanacl) i
                   where not i = any (acldefault('l', l.lanowner))))::text
from pg_language l
where l.oid >= 16384
  and not exists (select from pg_depend d where d.classid = 'pg_language'::regclass and d.objid = l.oid and d.deptype = 'e');

select 'event trigger', '', '', e.evtname,
  jsonb_build_object('owner', pg_get_userbyid(e.evtowner), 'event', e.evtevent, 'function', e.evtfoid::regprocedure::text,
    'enabled', e.evtenabled, 'tags', array_to_string(e.evttags, ', '))::text
from pg_event_trigger e
where not exists (select from pg_depend d where d.classid = 'pg_event_trigger'::regclass and d.objid = e.oid and d.deptype = 'e');

select 'publication', '', '', p.pubname,
  ((to_jsonb(p) - array['oid', 'pubname', 'pubowner']) || jsonb_build_object('owner', pg_get_userbyid(p.pubowner),
    'tables', (select string_agg(concat_ws(' ', r.prrelid::regclass, to_jsonb(r) ->> 'prattrs',
                 'where ' || pg_get_expr((to_jsonb(r) ->> 'prqual')::pg_node_tree, r.prrelid)), ', ' order by r.prrelid::regclass::text)
               from pg_publication_rel r where r.prpubid = p.oid)))::text
from pg_publication p;

select 'foreign server', '', '', s.srvname,
  jsonb_strip_nulls(jsonb_build_object('owner', pg_get_userbyid(s.srvowner), 'wrapper', w.fdwname, 'type', s.srvtype,
    'version', s.srvversion, 'options', array_to_string(s.srvoptions, ', '), 'privileges', s.srvacl::text))::text
from pg_foreign_server s
join pg_foreign_data_wrapper w on w.oid = s.srvfdw;

select 'foreign data wrapper', '', '', w.fdwname,
  jsonb_strip_nulls(jsonb_build_object('owner', pg_get_userbyid(w.fdwowner), 'handler', w.fdwhandler::regproc::text,
    'options', array_to_string(w.fdwoptions, ', '), 'privileges', w.fdwacl::text))::text
from pg_foreign_data_wrapper w
where not exists (select from pg_depend d where d.classid = 'pg_foreign_data_wrapper'::regclass and d.objid = w.oid and d.deptype = 'e');

-- default privileges
select 'default privileges', coalesce(n.nspname, ''), '',
  pg_get_userbyid(a.defaclrole) || ' on ' || case a.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences'
    when 'f' then 'functions' when 'T' then 'types' when 'n' then 'schemas' else a.defaclobjtype::text end,
  jsonb_build_object('privileges', (select string_agg(i::text, ', ' order by i::text) from unnest(a.defaclacl) i))::text
from pg_default_acl a
left join pg_namespace n on n.oid = a.defaclnamespace;

-- comments and security labels
select 'comment', coalesce(o.schema, ''), coalesce(c.relname, ''), o.type || ' ' || o.identity,
  jsonb_build_object('text', d.description)::text
from pg_description d
cross join lateral pg_identify_object(d.classoid, d.objoid, d.objsubid) o
left join pg_class c on d.classoid = 'pg_class'::regclass and c.oid = d.objoid
where (d.objoid >= 16384 or d.classoid = 'pg_namespace'::regclass and d.objoid = to_regnamespace('public')) and o.identity is not null
  and coalesce(o.schema, '') !~ '^pg_' and coalesce(o.schema, '') <> 'information_schema'
  and not exists (select from pg_depend x where x.classid = d.classoid and x.objid = d.objoid and x.deptype = 'e')
  and not (d.classoid = 'pg_extension'::regclass);

select 'security label', coalesce(o.schema, ''), '', s.provider || ' on ' || o.type || ' ' || o.identity,
  jsonb_build_object('label', s.label)::text
from pg_seclabel s
cross join lateral pg_identify_object(s.classoid, s.objoid, s.objsubid) o
where s.objoid >= 16384 and o.identity is not null
  and not exists (select from pg_depend x where x.classid = s.classoid and x.objid = s.objoid and x.deptype = 'e');
