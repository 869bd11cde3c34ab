"""The names of bits in entries, registers and error codes, as descriptions of guests spell them.

Source: SDM volume 3, 2.5 (control registers), 5.3 to 5.5 (entries), 5.7 (error codes), 30.3 (EPT); APM volume 2,
15.25.6 (EXITINFO1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


class UnknownBitError(Exception):
    """No bit is called so."""


@dataclass(frozen=True)
class BitNames:
    """A number's bits by name.

    Args:
        bits: by name, the number of the bit.
        fields: by name, the lowest bit and the number of bits of what has a value, such as ``PK=3``.
    """

    bits: Mapping[str, int]
    fields: Mapping[str, tuple[int, int]]

    def number(self, text: str) -> int:
        """The number that a text such as ``P W PK=3 52`` stands for; a number alone is a bit.

        Raises:
            UnknownBitError: a word of it is none.
        """
        value = 0
        for word in text.split():
            name, equals, given = word.partition("=")
            if word in self.bits:
                value |= 1 << self.bits[word]
            elif equals and name in self.fields and given.isdigit() and int(given) < 1 << self.fields[name][1]:
                value |= int(given) << self.fields[name][0]
            elif word.isdigit() and int(word) < 64:
                value |= 1 << int(word)
            else:
                known = (*self.bits, *(f"{each}=N" for each in self.fields))
                raise UnknownBitError(f"no bit is called '{word}'; there are {', '.join(known)}, and 0 to 63")
        return value

    def text(self, value: int) -> str:
        """The text that stands for a number."""
        words: list[str] = []
        for name, (low, size) in self.fields.items():
            given = value >> low & (1 << size) - 1
            if given:
                words.append(f"{name}={given}")
            value &= ~((1 << size) - 1 << low)
        named = [name for name, bit in self.bits.items() if value >> bit & 1]
        value &= ~sum(1 << self.bits[name] for name in named)
        return " ".join((*named, *words, *(str(bit) for bit in range(64) if value >> bit & 1)))


GUEST_ENTRY = BitNames(
    {"P": 0, "W": 1, "U": 2, "PWT": 3, "PCD": 4, "A": 5, "D": 6, "PS": 7, "G": 8, "NX": 63}, {"PK": (59, 4)}
)
"""An entry of a guest's own tables, or of nested paging."""

EPT_ENTRY = BitNames({"R": 0, "W": 1, "X": 2, "IPAT": 6, "PS": 7, "A": 8, "D": 9, "XU": 10}, {"MT": (3, 3)})
"""An entry of EPT."""

PAGE_FAULT = BitNames({"P": 0, "W": 1, "U": 2, "RSVD": 3, "F": 4, "PK": 5, "SS": 6}, {})
"""The error code of a page fault."""

NESTED_FAULT = BitNames({**PAGE_FAULT.bits, "FINAL": 32, "TABLE": 33}, {})
"""EXITINFO1 of a nested page fault."""

EPT_VIOLATION = BitNames(
    {
        "READ": 0,
        "WRITE": 1,
        "FETCH": 2,
        "R": 3,
        "W": 4,
        "X": 5,
        "XU": 6,
        "LINEAR": 7,
        "FINAL": 8,
        "USER": 9,
        "WRITABLE": 10,
        "NX": 11,
        "NMI": 12,
        "SS": 13,
    },
    {},
)
"""The exit qualification of an EPT violation."""

CR0 = BitNames({"WP": 16}, {})
CR4 = BitNames({"PSE": 4, "PGE": 7, "SMEP": 20, "SMAP": 21, "PKE": 22}, {})
EFER = BitNames({"NX": 11}, {})
"""What of each register a description may set; all else follows from the mode."""
