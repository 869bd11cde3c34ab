"""Roles of MMUs and of pages of SPTEs."""
