"""The stream of ExpirationsTable -> the month index."""
