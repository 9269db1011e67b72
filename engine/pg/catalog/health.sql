-- What Health decides from: a row is its kind and then JSON. What extensions
-- made, and partitions, which are as their parents are, are left out.

select 'index', jsonb_build_object(
  'table', c.oid::regclass::text, 'schema', n.nspname, 'relation', c.relname,
  'name', ic.relname, 'ident', ic.oid::regclass::text,
  'method', m.amname, 'unique', i.indisunique, 'primary', i.indisprimary,
  'immediate', i.indimmediate, 'nullable', exists (
     select from pg_attribute a where a.attrelid = c.oid and a.attnum = any (i.indkey) and not a.attnotnull),
  'valid', i.indisvalid and i.indisready,
  'constraint', (select k.conname from pg_constraint k where k.conindid = i.indexrelid and k.contype in ('p', 'u', 'x') limit 1),
  'replica', i.indisreplident, 'partition', c.relispartition,
  'keys', (select jsonb_agg(concat_ws(' ', k.attnum, i.indclass[k.n - 1], i.indcollation[k.n - 1], i.indoption[k.n - 1]) order by k.n)
           from unnest(i.indkey) with ordinality k (attnum, n) where k.n <= i.indnkeyatts),
  'columns', (select jsonb_agg(k.attnum order by k.n) from unnest(i.indkey) with ordinality k (attnum, n) where k.n <= i.indnkeyatts),
  'included', i.indnatts - i.indnkeyatts,
  'expressions', coalesce(pg_get_expr(i.indexprs, i.indrelid), ''),
  'predicate', coalesce(pg_get_expr(i.indpred, i.indrelid), ''),
  'rest', regexp_replace(pg_get_indexdef(i.indexrelid), '^.*? USING ', ''),
  'building', exists (select from pg_stat_progress_create_index p where p.index_relid = i.indexrelid))::text
from pg_index i
join pg_class ic on ic.oid = i.indexrelid
join pg_class c on c.oid = i.indrelid
join pg_namespace n on n.oid = c.relnamespace
join pg_am m on m.oid = ic.relam
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
order by n.nspname, c.relname, ic.relname;

select 'foreign key', jsonb_build_object(
  'table', c.oid::regclass::text, 'schema', n.nspname, 'relation', c.relname, 'name', k.conname,
  'keys', to_jsonb(k.conkey), 'references', k.confrelid::regclass::text,
  'columns', (select jsonb_agg(a.attname order by u.n) from unnest(k.conkey) with ordinality u (attnum, n)
              join pg_attribute a on a.attrelid = c.oid and a.attnum = u.attnum))::text
from pg_constraint k
join pg_class c on c.oid = k.conrelid
join pg_namespace n on n.oid = c.relnamespace
where k.contype = 'f' and k.conparentid = 0 and not c.relispartition
  and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
order by n.nspname, c.relname, k.conname;

select 'no primary key', jsonb_build_object(
  'table', c.oid::regclass::text, 'schema', n.nspname, 'relation', c.relname, 'partitioned', c.relkind = 'p',
  'id', exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'id' and not a.attisdropped))::text
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and not c.relispartition and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  and not exists (select from pg_index i where i.indrelid = c.oid and i.indisprimary)
  and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
order by n.nspname, c.relname;

select 'not valid', jsonb_build_object(
  'table', c.oid::regclass::text, 'schema', n.nspname, 'relation', c.relname, 'name', k.conname,
  'definition', pg_get_constraintdef(k.oid))::text
from pg_constraint k
join pg_class c on c.oid = k.conrelid
join pg_namespace n on n.oid = c.relnamespace
where not k.convalidated and k.conparentid = 0 and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
order by n.nspname, c.relname, k.conname;

select 'sequence', jsonb_build_object(
  'sequence', s.oid::regclass::text, 'schema', n.nspname, 'relation', s.relname,
  'last', case when s.relkind = 'S' then pg_sequence_last_value(s.oid::regclass) end, 'maximum', q.seqmax, 'type', format_type(q.seqtypid, null),
  'table', t.oid::regclass::text, 'column', a.attname, 'column type', format_type(a.atttypid, null),
  'identity', a.attidentity <> '')::text
from pg_sequence q
join pg_class s on s.oid = q.seqrelid
join pg_namespace n on n.oid = s.relnamespace
left join pg_depend d on d.classid = 'pg_class'::regclass and d.objid = s.oid and d.refclassid = 'pg_class'::regclass
  and d.deptype in ('a', 'i') and d.refobjsubid > 0
left join pg_class t on t.oid = d.refobjid
left join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
where q.seqincrement > 0 and not q.seqcycle and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  -- CASE keeps the planner from asking of what is no sequence
  and case when s.relkind = 'S' then pg_has_role(s.relowner, 'USAGE') or has_sequence_privilege(s.oid, 'USAGE, SELECT') end
order by n.nspname, s.relname;
