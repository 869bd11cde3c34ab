"""Bit-vector terms, obligations and verdicts; the only room that touches a solver."""
