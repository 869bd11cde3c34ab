"""What is given to theorems: free inputs with what callers guarantee of them, and how words of KVM map to the manuals'."""
