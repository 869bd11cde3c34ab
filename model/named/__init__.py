"""What trees call things that several modules speak of, with the names and places that released kernels have."""
