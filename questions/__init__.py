"""Questions in the kernel's own C: what ``mmuproof ask`` is made of."""
