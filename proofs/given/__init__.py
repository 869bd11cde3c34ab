"""What is given to theorems: free inputs with what callers guarantee of them, and how KVM maps to the manuals'."""
