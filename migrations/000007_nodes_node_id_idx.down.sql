DROP INDEX CONCURRENTLY nodes_node_id_idx;
