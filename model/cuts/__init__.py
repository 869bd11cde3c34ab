"""Calls that the lifted code makes and that are not followed, each with the reason."""
