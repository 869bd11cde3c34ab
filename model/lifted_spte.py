"""Shadow page-table entries in a lifted tree: masks, predicates, make_spte(), access tracking."""

from __future__ import annotations

from dataclasses import dataclass

from mmuproof.lift.c_types import IntType, RecordType
from mmuproof.lift.memory import NULL, Memory, Object, ObjectKind, Pointer, pointer_to
from mmuproof.lift.unit import Unit
from mmuproof.model.cuts import TRY_TO_UNSYNC
from mmuproof.model.kvm import (
    Host,
    MadeSpte,
    NotThere,
    Predicates,
    ShadowMasks,
    SpteRequest,
    Tracked,
)
from mmuproof.model.session import Session, member, read
from mmuproof.model.vendor import Vendor
from mmuproof.smt.terms import BitVec, Bool, bool_var, bv, ne, resize, to_bv, var


@dataclass(frozen=True)
class _State:
    """The masks in memory, and the session whose objects hold them."""

    session: Session
    memory: Memory


class LiftedSptes:
    """The part of a lifted tree that makes SPTEs (``spte.c``)."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit

    def shadow_masks(self, vendor: Vendor) -> ShadowMasks:
        """See `mmuproof.model.kvm.Kvm.shadow_masks`."""
        session, memory = Session(self._unit), Memory()
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
            state=_State(session, memory),
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

    def _kvm(self, memory: Memory, masks: ShadowMasks) -> Object:
        """A virtual machine as it is initialised: its MMIO value is the global one."""
        kvm = Object("kvm", self._unit.record("struct kvm"), ObjectKind.INPUT, by_pointer=True)
        assert isinstance(kvm.type, RecordType)
        try:
            place = member(kvm.type, "shadow_mmio_value")
        except NotThere:
            return kvm
        memory.write(kvm, place.offset, place.width, masks.mmio_value)
        return kvm

    def _start(self, masks: ShadowMasks) -> tuple[Session, Memory, dict[str, Pointer]]:
        state = masks.state
        assert isinstance(state, _State)
        memory = state.memory.copy()
        kvm = self._kvm(memory, masks)
        return Session(self._unit, state.session), memory, {"struct kvm": pointer_to(kvm)}

    def predicates(self, masks: ShadowMasks, spte: BitVec) -> Predicates:
        """See `mmuproof.model.kvm.Kvm.predicates`."""
        session, memory, objects = self._start(masks)

        def holds(*names: str) -> Bool:
            return ne(session.integer(memory, names, objects=objects, values={"spte": spte, "pte": spte}), 0)

        return Predicates(
            is_frozen=holds("is_frozen_spte", "is_removed_spte"),
            is_mmio=holds("is_mmio_spte"),
            is_shadow_present=holds("is_shadow_present_pte"),
        )

    def make_spte(self, masks: ShadowMasks, request: SpteRequest) -> MadeSpte:
        """See `mmuproof.model.kvm.Kvm.make_spte`."""
        session, memory, objects = self._start(masks)
        (kvm_target,) = objects["struct kvm"].targets
        assert kvm_target.place is not None
        page = Object("sp", self._unit.record("struct kvm_mmu_page"), ObjectKind.INPUT, by_pointer=True)
        vcpu = Object("vcpu", self._unit.record("struct kvm_vcpu"), ObjectKind.INPUT, by_pointer=True)
        slot = Object("slot", self._unit.record("struct kvm_memory_slot"), ObjectKind.INPUT, by_pointer=True)
        assert isinstance(page.type, RecordType)
        assert isinstance(vcpu.type, RecordType)
        for name, value in (("level", request.level), ("ad_disabled", to_bv(request.ad_disabled))):
            place = member(page.type.members["role"].type, name)  # type: ignore[arg-type]
            start = page.type.members["role"].offset + place.offset
            memory.write(page, start, place.width, resize(value, place.width))
        memory.write(vcpu, vcpu.type.members["kvm"].offset, 64, objects["struct kvm"])
        result = Object("*new_spte", IntType(64, False, "u64"), ObjectKind.UNSET)
        wrprot = session.integer(
            memory,
            "make_spte",
            objects={
                **objects,
                "struct kvm_mmu_page": pointer_to(page),
                "struct kvm_vcpu": pointer_to(vcpu),
                "struct kvm_memory_slot": pointer_to(slot),
            },
            values={
                "pte_access": request.pte_access,
                "gfn": var("gfn", 64),
                "pfn": request.pfn,
                "old_spte": request.old_spte,
                "prefetch": to_bv(request.prefetch, 8),
                "synchronizing": to_bv(request.synchronizing, 8),
                "can_unsync": to_bv(~request.synchronizing, 8),
                "host_writable": to_bv(request.host_writable, 8),
            },
            pointers={"new_spte": pointer_to(result)},
        )
        evidence = session.evidence()
        nx_huge_pages = session.integer(memory, "is_nx_huge_page_enabled", objects=objects)
        return MadeSpte(
            read(memory, result, 0, 64),
            ne(wrprot, 0),
            ne(nx_huge_pages, 0),
            ne(var(f"{TRY_TO_UNSYNC}()", 32), 0),
            masks.evidence + evidence,
        )

    def access_track(self, masks: ShadowMasks, spte: BitVec) -> Tracked:
        """See `mmuproof.model.kvm.Kvm.access_track`."""
        session, memory, objects = self._start(masks)

        def run(name: str, value: BitVec) -> BitVec:
            return session.integer(memory, name, objects=objects, values={"spte": value})

        marked = run("mark_spte_for_access_track", spte)
        return Tracked(
            marked=marked,
            restored=run("restore_acc_track_spte", marked),
            twice=run("mark_spte_for_access_track", marked),
            is_access_track=ne(run("is_access_track_spte", marked), 0),
            was_access_track=ne(run("is_access_track_spte", spte), 0),
            evidence=masks.evidence + session.evidence(),
        )
