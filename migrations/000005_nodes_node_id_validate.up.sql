-- Rows that were written with an explicit NULL between the backfill and the
-- check. None can follow.
UPDATE nodes
SET node_id = md5('nodes.node_id:' || id)::uuid::text
WHERE node_id IS NULL;

-- Reads the whole table, and lets others read and write meanwhile.
ALTER TABLE nodes VALIDATE CONSTRAINT nodes_node_id_present;
