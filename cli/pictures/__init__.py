"""Pictures of what is shown elsewhere as text."""
