-- Old rows get a node_id made of their id: the same one whenever this runs,
-- so that it can be interrupted, repeated and undone. Each batch commits by
-- itself and locks a few thousand rows for a moment. COMMIT inside DO works
-- only while this is the file's one statement.
DO $$
DECLARE
    batch constant bigint := 5000;
    low  bigint;
    high bigint;
BEGIN
    SELECT min(id), max(id) INTO low, high FROM nodes WHERE node_id IS NULL;
    WHILE low <= high LOOP
        UPDATE nodes
        SET node_id = md5('nodes.node_id:' || id)::uuid::text
        WHERE id >= low AND id < low + batch AND node_id IS NULL;
        COMMIT;
        low := low + batch;
    END LOOP;
END
$$;
