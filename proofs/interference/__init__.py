"""What KVM does to SPTEs while other CPUs and the processor write them."""
