-- The nodes of one project by age, and ON DELETE CASCADE of a project.
CREATE INDEX CONCURRENTLY nodes_project_id_idx ON nodes (project_id, created_at);
