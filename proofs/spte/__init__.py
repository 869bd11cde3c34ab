"""Making and changing SPTEs."""
