"""Theorems on what is done for a whole slot of guest memory."""
