"""The ``shadow_*`` masks in a lifted tree, as its own set-up leaves them."""

from __future__ import annotations

from dataclasses import dataclass

from mmuproof.lift.c_types import RecordType
from mmuproof.lift.memory import NULL, Memory
from mmuproof.lift.unit import Unit
from mmuproof.model.cuts.sptes import CUTS
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import Session, member, read
from mmuproof.model.masks import Host, Masks, ShadowMasks
from mmuproof.model.vendor import Vendor
from mmuproof.smt.terms import BitVec, Bool, bool_var, bv, resize, to_bv, var


@dataclass(frozen=True)
class MasksInMemory:
    """The masks in memory, and the session whose objects hold them."""

    session: Session
    memory: Memory


class LiftedMasks(Masks, Remembers):
    """The part of a lifted tree that sets the masks up (``spte.c``)."""

    def __init__(self, unit: Unit) -> None:
        super().__init__()
        self._unit = unit

    @once
    def shadow_masks(self, vendor: Vendor) -> ShadowMasks:
        """See `Masks.shadow_masks`."""
        session, memory = Session(self._unit, CUTS), Memory()
        has_ad_bits, has_exec_only = bool_var("has_ad_bits"), bool_var("has_exec_only")
        session.call(memory, "kvm_mmu_reset_all_pte_masks", objects={})
        if vendor is Vendor.INTEL:
            session.call(
                memory,
                "kvm_mmu_set_ept_masks",
                objects={},
                values={"has_ad_bits": to_bv(has_ad_bits, 8), "has_exec_only": to_bv(has_exec_only, 8)},
            )
        self._set_memory_type_callback(session, memory, vendor)

        def mask(*names: str) -> BitVec:
            return session.global_value(memory, *(f"shadow_{name}" for name in names))

        try:
            xu = mask("xu_mask")
        except NotThere:
            xu = bv(0, 64)
        return ShadowMasks(
            vendor=vendor,
            host=self._host(session, memory, has_ad_bits, has_exec_only),
            host_writable=mask("host_writable_mask"),
            mmu_writable=mask("mmu_writable_mask"),
            nx=mask("nx_mask"),
            user=mask("user_mask"),
            x=mask("xs_mask", "x_mask"),
            xu=xu,
            accessed=mask("accessed_mask"),
            dirty=mask("dirty_mask"),
            present=mask("present_mask"),
            acc_track=mask("acc_track_mask"),
            mmio_value=mask("mmio_value"),
            mmio_mask=mask("mmio_mask"),
            me_value=mask("me_value"),
            nonpresent_or_rsvd=mask("nonpresent_or_rsvd_mask"),
            evidence=session.evidence(),
            state=MasksInMemory(session, memory),
        )

    def _host(self, session: Session, memory: Memory, has_ad_bits: Bool, has_exec_only: Bool) -> Host:
        cpu = session.global_object("boot_cpu_data")
        assert isinstance(cpu.type, RecordType)

        def of_cpu(name: str) -> BitVec:
            place = member(cpu.type, name)  # type: ignore[arg-type]
            return read(memory, cpu, place.offset, place.width)

        try:
            host = session.global_object("kvm_host")
            assert isinstance(host.type, RecordType)
            place = member(host.type, "maxphyaddr")
            maxphyaddr = read(memory, host, place.offset, place.width)
        except NotThere:
            try:
                maxphyaddr = session.global_value(memory, "shadow_phys_bits")
            except NotThere:
                maxphyaddr = resize(var("cpuid_eax(2147483656)", 32), 8)
        return Host(
            of_cpu("x86_phys_bits"),
            of_cpu("x86_cache_bits"),
            resize(maxphyaddr, 8),
            has_ad_bits,
            has_exec_only,
        )

    def _set_memory_type_callback(self, session: Session, memory: Memory, vendor: Vendor) -> None:
        """Only VMX with EPT computes a memory type for its SPTEs."""
        if vendor is Vendor.INTEL:
            return
        ops = session.global_object("kvm_x86_ops")
        if isinstance(ops.type, RecordType) and "get_mt_mask" in ops.type.members:
            place = ops.type.members["get_mt_mask"]
            memory.write(ops, place.offset, place.width, NULL)
