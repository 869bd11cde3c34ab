"""KVM as a kernel tree has it: its C, lifted."""
