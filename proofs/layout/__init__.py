"""The SPTE's layout and the ACC_* masks."""
