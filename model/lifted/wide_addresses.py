"""How wide a lifted tree takes the processor's linear addresses to be."""

from __future__ import annotations

from mmuproof.model.lifted.bench import Bench
from mmuproof.model.named import constants, switches
from mmuproof.smt.terms import BitVec, Bool, bit, resize

_WORD = 32
"""How many of the processor's features a word has."""


def has_wide_addresses(bench: Bench) -> Bool:
    """Whether KVM lets a vCPU have linear addresses of 57 bits."""
    feature = bench.unit.constant(constants.X86_FEATURE_LA57)
    assert feature is not None
    words = bench.session.global_object(switches.KVM_CPU_CAPS)
    word = bench.memory.read(words, feature // _WORD * _WORD, _WORD)
    assert isinstance(word, BitVec)
    return bit(resize(word, _WORD), feature % _WORD)
