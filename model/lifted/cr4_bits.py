"""Bits of CR4 that decide what an address is, and what is kept of it: SDM vol. 3, 2.5."""

from __future__ import annotations

LA57, PCIDE = 12, 17
