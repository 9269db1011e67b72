-- Takes back exactly the values that the repair gave.
DO $$
DECLARE
    batch constant bigint := 5000;
    low  bigint;
    high bigint;
BEGIN
    SELECT min(id), max(id) INTO low, high FROM nodes;
    WHILE low <= high LOOP
        UPDATE nodes
        SET node_id = NULL
        WHERE id >= low AND id < low + batch
          AND node_id = md5('nodes.node_id:' || id)::uuid::text;
        COMMIT;
        low := low + batch;
    END LOOP;
END
$$;
