"""Networks: a backbone, and a head for every task."""
