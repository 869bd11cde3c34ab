"""KVM's MMU as bit-vectors: the interface that a proof sees, a hand-written reference, the lifted C, defects."""
