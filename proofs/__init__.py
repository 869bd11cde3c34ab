"""The theorems: what KVM has to do, said of any implementation of it."""
