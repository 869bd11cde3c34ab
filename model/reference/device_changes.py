"""What Linux 7.2.13 does when devices come and go that read memory past the caches."""

from __future__ import annotations

from mmuproof.model.device_changes import DeviceChanges, DeviceCounted
from mmuproof.model.evidence import Evidence
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.smt.terms import TRUE, BitVec, Bool, all_of, bit, eq, negate, var


class ReferenceDeviceChanges(ReferenceArea, DeviceChanges):
    """``kvm_arch_register_noncoherent_dma()`` and ``kvm_arch_unregister_noncoherent_dma()``."""

    def counted(self, comes: bool) -> DeviceCounted:
        """See `DeviceChanges.counted`."""
        devices, ignores = var("devices", 32), negate(bit(var("kvm->arch.disabled_quirks", 64), 9))
        return DeviceCounted(
            comes=comes,
            function=f"kvm_arch_{'register' if comes else 'unregister'}_noncoherent_dma",
            devices=devices,
            counted=TRUE,
            ignores_pat=ignores,
            zaps=all_of(self._changes(devices, comes), self._depends(ignores)),
            evidence=Evidence(),
        )

    def _changes(self, devices: BitVec, comes: bool) -> Bool:
        """Whether there are such devices changes."""
        return eq(devices, 1 if comes else 0)

    def _depends(self, ignores: Bool) -> Bool:
        """Whether memory types depend on it."""
        return ignores
