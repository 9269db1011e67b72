-- WHERE node_id = $1. Built while others write, so it stands alone in its
-- file: no transaction may be around it.
-- syndicate: allow L402 the backfill and the default never make one twice
CREATE UNIQUE INDEX CONCURRENTLY nodes_node_id_idx ON nodes (node_id);
