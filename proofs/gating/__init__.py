"""The way of MBEC and GMET from the processor to L2."""
