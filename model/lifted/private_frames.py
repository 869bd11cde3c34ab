"""Whether a frame is private memory, as whoever asks is told."""

from __future__ import annotations

from collections.abc import Iterable

from mmuproof.lift.machine.findings import CallMade
from mmuproof.lift.machine.memory import Pointer
from mmuproof.model.lifted.calls_made import is_given, numbers_given, told_of
from mmuproof.smt.terms import BitVec, Bool, all_of, eq


def frame_is_private(asked: Iterable[CallMade], kvm: Pointer, gfn: BitVec) -> Bool:
    """Whether a frame of a VM is private memory, by ``kvm_mem_is_private()``; either, where that is not asked of it.

    Args:
        asked: the calls of that function.
        kvm: the VM.
        gfn: the frame, 64 bits.
    """
    of_frame = ((call, all_of(call.guard, is_given(call, kvm), eq(numbers_given(call)[0], gfn))) for call in asked)
    return told_of(of_frame, "the frame is private memory")
