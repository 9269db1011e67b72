-- WHERE node_id = $1. Built while others write, so it stands alone in its
-- file: no transaction may be around it.
CREATE UNIQUE INDEX CONCURRENTLY nodes_node_id_idx ON nodes (node_id);
