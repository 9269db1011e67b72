-- Construction projects and the nodes of their plans. node_id is what plans
-- and other systems call a node by; it came later, so old rows lack it.
CREATE TABLE projects (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE nodes (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id bigint REFERENCES projects (id) ON DELETE CASCADE,
    parent_id  bigint REFERENCES nodes (id) ON DELETE CASCADE,
    node_id    text,
    kind       text NOT NULL DEFAULT 'part',
    name       text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
