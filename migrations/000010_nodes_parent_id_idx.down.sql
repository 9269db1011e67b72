DROP INDEX CONCURRENTLY nodes_parent_id_idx;
