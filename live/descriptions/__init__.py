"""Guests as files: what each access should come to, and what it came to."""
