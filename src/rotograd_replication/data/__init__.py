"""Turn original archives into batches."""
