"""What is written to KVM's page tables is what the theorems on SPTEs speak of."""
