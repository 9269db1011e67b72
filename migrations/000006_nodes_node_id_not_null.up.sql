-- The index that follows is unique. Two nodes of one node_id are for a person
-- to sort out: nothing here can know which is which.
DO $$
DECLARE
    twice text;
BEGIN
    SELECT node_id INTO twice FROM nodes GROUP BY node_id HAVING count(*) > 1 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'several nodes have the node_id %', quote_literal(twice)
            USING ERRCODE = 'unique_violation',
                  HINT = 'Find them: SELECT node_id, array_agg(id) FROM nodes GROUP BY node_id HAVING count(*) > 1';
    END IF;
END
$$;

-- The valid check proves it: the table is not read again under this lock.
ALTER TABLE nodes ALTER COLUMN node_id SET NOT NULL;
ALTER TABLE nodes DROP CONSTRAINT nodes_node_id_present;
