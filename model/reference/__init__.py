"""The reference model: KVM as Linux 7.2.13 has it, written by hand."""
