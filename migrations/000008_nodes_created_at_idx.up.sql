-- ORDER BY created_at, node_id LIMIT n: the list of the newest and the oldest.
CREATE INDEX CONCURRENTLY nodes_created_at_idx ON nodes (created_at, node_id);
