"""What a guest runs in system-management mode: in 16 bits, from where a processor begins there after a reset."""

from __future__ import annotations

import struct

SMM_CODE = 0x3_8000
"""Where it begins."""
HALT, RESUME = b"\xf4", b"\x0f\xaa"
"""The guest halts there; or goes on as before."""


def move(value: int, address: int) -> bytes:
    """A number of 32 bits is written to an address of 32 bits."""
    address_and_operand_of_32_bits, move_to_address = b"\x67\x66", b"\xc7\x05"
    return address_and_operand_of_32_bits + move_to_address + struct.pack("<II", address, value)


def copy(source: int, target: int) -> bytes:
    """32 bits are copied between addresses of 32 bits."""
    load, store = b"\x67\x66\xa1", b"\x67\x66\xa3"
    return load + struct.pack("<I", source) + store + struct.pack("<I", target)
