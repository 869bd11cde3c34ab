"""What a lifted tree does when devices come and go: ``x86.c``."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.lift.machine.memory import pointer_to
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import device_changes as cuts
from mmuproof.model.device_changes import DeviceChanges, DeviceCounted
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import is_given, numbers_given
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.named import kvm_vm
from mmuproof.smt.terms import all_of, any_of, boolean, bv, eq, resize, ule, var

_COMES, _GOES = "kvm_arch_register_noncoherent_dma", "kvm_arch_unregister_noncoherent_dma"
_IGNORE_GUEST_PAT, _FRAME_BITS = 1 << 9, 40
"""The quirk, the same in all released kernels that have it, and the bits of a frame's number."""


class LiftedDeviceChanges(DeviceChanges, Remembers):
    """What is done in a lifted tree when devices come and go.

    Args:
        x86: ``x86.c``.
        mmu: ``mmu.c``, which may say whether a guest's PAT is ignored.
    """

    def __init__(self, x86: Unit, mmu: Unit) -> None:
        super().__init__()
        self._x86, self._mmu = x86, mmu

    @once
    def counted(self, comes: bool) -> DeviceCounted:
        """See `DeviceChanges.counted`."""
        devices = var("devices", 32)
        known = tuple(replace(cut, gives=devices) if cut is cuts.ADD[0] else cut for cut in cuts.CUTS)
        bench = Bench(self._x86, known, linked=(self._mmu,))
        kvm = bench.add("kvm", kvm_vm.STRUCT)
        ignores = eq(bench.read(kvm, kvm_vm.DISABLED_QUIRKS) & _IGNORE_GUEST_PAT, 0)
        counter = pointer_to(kvm, bench.place(kvm, kvm_vm.NONCOHERENT_DMA_COUNT).offset)
        function = _COMES if comes else _GOES
        bench.call(function)
        session, step = bench.session, 1 if comes else -1
        counts = (
            all_of(
                call.guard,
                is_given(call, counter),
                *(eq(resize(each, 32), step) for each in numbers_given(call)),
                boolean(call.function != cuts.ADD[2 if comes else 1].function),
            )
            for call in session.calls(*(cut.function for cut in cuts.ADD))
        )
        return DeviceCounted(
            comes=comes,
            function=function,
            devices=devices,
            counted=any_of(*counts),
            ignores_pat=ignores,
            zaps=any_of(
                *(
                    all_of(
                        call.guard,
                        eq(numbers_given(call)[0], 0),
                        ule(bv((1 << _FRAME_BITS) - 1, 64), numbers_given(call)[1]),
                    )
                    for call in session.calls(cuts.ZAP.function)
                )
            ),
            evidence=session.evidence(),
        )
