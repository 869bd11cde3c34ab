"""The ``shadow_*`` masks in a lifted tree, as its own set-up leaves them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mmuproof.lift.c_types import RecordType
from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.memory import NULL, FunctionRef, Memory, Pointer, Target, Value
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts.masks import CALLER_CUTS, SET_UP
from mmuproof.model.cuts.sptes import CUTS
from mmuproof.model.evidence import Evidence
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.host_width import give_host_width, host_width
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import Session, member, own_member, read_member
from mmuproof.model.masks import Host, Masks, ShadowMasks, memory_encryption, runs_on_amd
from mmuproof.model.named import functions, host_kernel, spte_masks, switches
from mmuproof.model.vendor import Vendor
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, bit, bool_var, bv, ne, negate, resize, to_bv, var

_TEST_BIT = functions.VARIABLE_TEST_BIT


@dataclass(frozen=True)
class MasksInMemory:
    """The masks in memory, and the session whose objects hold them."""

    session: Session
    memory: Memory


class LiftedMasks(Masks, Remembers):
    """The part of a lifted tree that sets the masks up.

    Args:
        unit: holds the set-up (``spte.c``).
        svm: holds what AMD's module asks of it (``svm.c``).
        vmx: holds what Intel's module asks of it (``vmx.c``).
    """

    def __init__(self, unit: Unit, svm: Unit, vmx: Unit) -> None:
        super().__init__()
        self._unit, self._svm, self._vmx = unit, svm, vmx

    @once
    def shadow_masks(self, vendor: Vendor, earlier: str = "an earlier set-up") -> ShadowMasks:
        """See `Masks.shadow_masks`."""
        session, memory = Session(self._unit, CUTS), Memory()
        self._forget_earlier(session, memory, earlier)
        has_ad_bits, has_exec_only = bool_var("has_ad_bits"), bool_var("has_exec_only")
        session.call(memory, "kvm_mmu_reset_all_pte_masks", objects={})
        if vendor is Vendor.INTEL:
            session.call(
                memory,
                functions.KVM_MMU_SET_EPT_MASKS,
                objects={},
                values={"has_ad_bits": to_bv(has_ad_bits, 8), "has_exec_only": to_bv(has_exec_only, 8)},
            )
        host = self._host(session, memory, vendor, has_ad_bits, has_exec_only)
        asked = self._ask_for_encryption(session, memory, host)
        self._set_memory_type_callback(session, memory, vendor)

        def mask(*names: str) -> BitVec:
            return session.global_value(memory, *names)

        xu = mask(spte_masks.EXECUTE_USER) if self._unit.has_variable(spte_masks.EXECUTE_USER) else bv(0, 64)
        return ShadowMasks(
            vendor=vendor,
            host=host,
            host_writable=mask(spte_masks.HOST_WRITABLE),
            mmu_writable=mask(spte_masks.MMU_WRITABLE),
            nx=mask(spte_masks.NX),
            user=mask(spte_masks.USER),
            x=mask(*spte_masks.EXECUTE),
            xu=xu,
            accessed=mask(spte_masks.ACCESSED),
            dirty=mask(spte_masks.DIRTY),
            present=mask(spte_masks.PRESENT),
            acc_track=mask(spte_masks.TRACKED),
            mmio_value=mask(spte_masks.MMIO_VALUE),
            mmio_mask=mask(spte_masks.MMIO),
            mmio_access_mask=mask(spte_masks.MMIO_ACCESS),
            enable_mmio_caching=ne(session.global_value(memory, spte_masks.MMIO_CACHING), 0),
            me_value=mask(spte_masks.ENCRYPTED_VALUE),
            me_mask=mask(spte_masks.ENCRYPTED),
            nonpresent_or_rsvd=mask(spte_masks.FOR_L1TF),
            lower_gfn=mask(spte_masks.LOWER_GFN),
            ad_enabled=ne(session.global_value(memory, spte_masks.AD_ENABLED, spte_masks.ACCESSED), 0),
            evidence=session.evidence() + asked,
            state=MasksInMemory(session, memory),
        )

    def _forget_earlier(self, session: Session, memory: Memory, earlier: str) -> None:
        """Whatever another set-up has left in the masks."""
        for name in spte_masks.ALL:
            if self._unit.has_variable(name):
                memory.make_unknown(session.global_object(name), earlier)

    def _ask_for_encryption(self, session: Session, memory: Memory, host: Host) -> Evidence:
        """Do what the two modules ask for, each on its own processors."""
        intel, amd = negate(host.is_amd), host.is_amd
        seen = Evidence()
        if intel is not FALSE:
            vmx, vmx_memory = Session(self._vmx, CALLER_CUTS), Memory()
            if vmx.unit.has_variable(spte_masks.HOST):
                give_host_width(vmx, vmx_memory, host.maxphyaddr)
            vmx.call(vmx_memory, functions.VMX_SETUP_ME_SPTE_MASK, objects={})
            seen += self._do_as_asked(session, memory, intel, vmx)
        if amd is not FALSE:
            me_mask = host.encryption.sme_me_mask
            # What svm_hardware_setup() passes; the symbol is the number 0 in a configuration without it.
            self._do(session, memory, amd, functions.KVM_MMU_SET_ME_SPTE_MASK, (me_mask, me_mask))
            svm = Session(self._svm, CALLER_CUTS)
            svm.call(Memory(), functions.SVM_ADJUST_MMIO_MASK, objects={})
            seen += self._do_as_asked(session, memory, amd, svm)
        return seen

    def _do_as_asked(self, session: Session, memory: Memory, processors: Bool, asking: Session) -> Evidence:
        """Run the calls that another unit makes of the set-up, on the processors that it is for."""
        for call in asking.calls(*SET_UP):
            arguments = [_as_number(value) for value in call.arguments]
            self._do(session, memory, all_of(processors, call.guard), call.function, arguments)
        seen = asking.evidence()
        return replace(seen, cuts=tuple(cut for cut in seen.cuts if cut.function not in SET_UP))

    def _do(self, session: Session, memory: Memory, condition: Bool, name: str, arguments: Sequence[BitVec]) -> None:
        """Call a function of the set-up where ``condition`` holds."""
        done = memory.copy()
        session.machine.run(self._unit.function(name), list(arguments), done, condition)
        done.merge(condition, memory)
        memory.become(done)

    def _host(self, session: Session, memory: Memory, vendor: Vendor, has_ad_bits: Bool, has_exec_only: Bool) -> Host:
        cpu = session.global_object(switches.BOOT_CPU_DATA)
        assert isinstance(cpu.type, RecordType)

        def of_cpu(name: str) -> BitVec:
            place = member(cpu.type, name)  # type: ignore[arg-type]
            return read_member(memory, cpu, place)

        try:
            width = host_width(session, memory)
        except NotThere:
            width = resize(var("cpuid_eax(2147483656)", 32), 8)
        return Host(
            x86_phys_bits=of_cpu(host_kernel.X86_PHYS_BITS),
            x86_cache_bits=of_cpu(host_kernel.X86_CACHE_BITS),
            maxphyaddr=width,
            has_ad_bits=has_ad_bits,
            has_exec_only=has_exec_only,
            is_amd=runs_on_amd(vendor),
            has_l1tf=_has_l1tf(session),
            encryption=memory_encryption(),
        )

    def _set_memory_type_callback(self, session: Session, memory: Memory, vendor: Vendor) -> None:
        """Only VMX with EPT computes a memory type for its SPTEs."""
        ops = session.global_object(switches.KVM_X86_OPS)
        assert isinstance(ops.type, RecordType)
        if self._unit.has_member(ops.type.name, host_kernel.GET_MT_MASK):
            place = own_member(ops.type, host_kernel.GET_MT_MASK)
            callback = FunctionRef(functions.KVM_X86_GET_MT_MASK, known=False, member="get_mt_mask")
            there = Pointer((Target(guard=TRUE, function=callback),))
            memory.write(ops, place.offset, place.width, there if vendor is Vendor.INTEL else NULL)


def _has_l1tf(session: Session) -> Bool:
    """The answer to the one question that the set-up asks about a bit of the processor's: has it L1TF?"""
    asked = [cut for cut in session.evidence().cuts if cut.function == _TEST_BIT]
    if len(asked) != 1:
        raise Refused(f"{len(asked)} questions about the processor where one is known")
    return bit(var(f"{_TEST_BIT}()", 1), 0)


def _as_number(value: Value | None) -> BitVec:
    """An argument of a call, which has to be a number."""
    if not isinstance(value, BitVec):
        raise Refused("a mask that is no number")
    return value
