"""Tasks: their losses and metrics, by kind."""
