ALTER TABLE nodes DROP CONSTRAINT nodes_node_id_present;
