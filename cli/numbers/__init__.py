"""What numbers say bit by bit: by the manuals and by KVM, and what the hardware makes of them."""
