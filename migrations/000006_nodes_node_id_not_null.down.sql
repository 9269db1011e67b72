ALTER TABLE nodes
    ADD CONSTRAINT nodes_node_id_present CHECK (node_id IS NOT NULL) NOT VALID;
ALTER TABLE nodes VALIDATE CONSTRAINT nodes_node_id_present;
ALTER TABLE nodes ALTER COLUMN node_id DROP NOT NULL;
