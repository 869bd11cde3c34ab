"""A try for each finding that a guest can reach."""
