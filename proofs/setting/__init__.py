"""What theorems ask the code for, of what is on: that its answer comes from the state that means it."""
