"""Theorems on loops over page tables: where a step of an iterator leads, and what one round does."""
