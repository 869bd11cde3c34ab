"""What a kernel allows, and where its bits are, as rows and columns beside what the manuals say."""
