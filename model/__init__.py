"""KVM's MMU as bit-vectors: the interface a proof sees, a hand-written reference, and the lifted C."""
