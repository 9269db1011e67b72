DROP INDEX CONCURRENTLY nodes_created_at_idx;
