"""Software walks of guest page tables in the reference model."""
