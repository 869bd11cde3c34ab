"""`mmuproof table`: what is allowed, and where bits are, by the manuals and by KVM."""
