DROP INDEX CONCURRENTLY nodes_project_id_idx;
