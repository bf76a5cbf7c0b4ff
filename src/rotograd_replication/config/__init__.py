"""What is asked for: studies, experiments, methods and datasets, checked and complete."""
