"""KVM's own accesses for a nested guest."""
