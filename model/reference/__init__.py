"""The reference model: KVM as Linux 7.2 has it, written by hand."""
