-- The children of a node, and ON DELETE CASCADE of their parent. Roots, which
-- have none, are not in it.
CREATE INDEX CONCURRENTLY nodes_parent_id_idx ON nodes (parent_id) WHERE parent_id IS NOT NULL;
