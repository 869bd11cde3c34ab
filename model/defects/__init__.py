"""Named defects: small wrong changes to KVM, in the real C and in the reference model."""
