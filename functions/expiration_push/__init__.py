"""POST /v1/points-expirations -> ExpirationsTable."""
