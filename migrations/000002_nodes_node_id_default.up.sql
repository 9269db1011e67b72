-- From now on a row that names no node_id gets one: no new ones lack it
-- while the old ones are repaired. Only the catalog changes.
ALTER TABLE nodes ALTER COLUMN node_id SET DEFAULT gen_random_uuid()::text;
