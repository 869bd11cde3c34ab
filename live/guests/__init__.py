"""Guests as descriptions: memory, registers, and what is done with them."""
