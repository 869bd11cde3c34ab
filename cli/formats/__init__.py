"""The results of a run in the formats that other tools read."""
