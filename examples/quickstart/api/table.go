package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// node is one row of the table that migrations/ creates.
type node struct {
	NodeID  string    `db:"node_id" json:"node_id"`
	Name    string    `db:"name" json:"name"`
	Created time.Time `db:"created_at" json:"created_at"`
}

const columns = "node_id, name, created_at"

// table is the store that the handlers work on.
type table struct{ pool *pgxpool.Pool }

func (t *table) ping(ctx context.Context) error { return t.pool.Ping(ctx) }

func (t *table) list(ctx context.Context) ([]node, error) {
	rows, err := t.pool.Query(ctx, "SELECT "+columns+" FROM nodes ORDER BY created_at, node_id LIMIT 1000")
	if err != nil {
		return nil, fmt.Errorf("list nodes: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByName[node])
}

func (t *table) find(ctx context.Context, nodeID string) (node, error) {
	rows, err := t.pool.Query(ctx, "SELECT "+columns+" FROM nodes WHERE node_id = $1", nodeID)
	if err != nil {
		return node{}, fmt.Errorf("find node: %w", err)
	}
	n, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[node])
	if errors.Is(err, pgx.ErrNoRows) {
		return node{}, errNoNode
	}
	return n, err
}

func (t *table) add(ctx context.Context, name string) (node, error) {
	rows, err := t.pool.Query(ctx, "INSERT INTO nodes (name) VALUES ($1) RETURNING "+columns, name)
	if err != nil {
		return node{}, fmt.Errorf("add node: %w", err)
	}
	return pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[node])
}

// seed fills an empty table, and leaves one alone that has nodes.
func (t *table) seed(ctx context.Context) (added int64, err error) {
	tag, err := t.pool.Exec(ctx, `
		INSERT INTO nodes (name)
		SELECT name FROM unnest($1::text[]) AS name
		WHERE NOT EXISTS (SELECT FROM nodes)`,
		[]string{"Site", "Foundation", "Ground floor", "Roof"})
	if err != nil {
		return 0, fmt.Errorf("seed nodes: %w", err)
	}
	return tag.RowsAffected(), nil
}
