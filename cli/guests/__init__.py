"""Guests that lead to counterexamples."""
