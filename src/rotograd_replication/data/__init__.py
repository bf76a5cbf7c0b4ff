"""From original archives to batches."""
