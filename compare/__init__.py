"""Two versions of KVM's MMU held against each other: what ``mmuproof diff`` is made of."""
