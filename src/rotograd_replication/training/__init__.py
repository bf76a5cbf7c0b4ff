"""From prepared data to a trained and evaluated run."""
