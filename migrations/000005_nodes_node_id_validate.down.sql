ALTER TABLE nodes
    DROP CONSTRAINT nodes_node_id_present,
    ADD CONSTRAINT nodes_node_id_present CHECK (node_id IS NOT NULL) NOT VALID;
