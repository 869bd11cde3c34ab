"""`mmuproof decode`: what numbers say."""
