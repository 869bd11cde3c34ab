"""KVM's own assertions."""
