"""One page that shows everything that was made, without torch."""
