"""The permission bitmask."""
