-- NOT VALID holds for new and changed rows at once and looks at no old one,
-- so the table is locked for a moment only.
ALTER TABLE nodes
    ADD CONSTRAINT nodes_node_id_present CHECK (node_id IS NOT NULL) NOT VALID;
