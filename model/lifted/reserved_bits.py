"""Reserved bits in a lifted tree: an MMU as KVM sets it up, its tables, and what reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from mmuproof.lift.c_types import RecordType, StructMember, member_at
from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.memory import Memory, Object, ObjectKind, Pointer, pointer_to
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts.reserved_bits import CUTS, GUEST_GBPAGES, SPTE_CUTS
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.constants import constant_of
from mmuproof.model.lifted.mmus import WALKS, Mmus, Part
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.requests import set_up_once, write_host
from mmuproof.model.lifted.session import Session, bit_field, member, place_of, read_member
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.named import constants, functions, kvm_mmu, kvm_vcpu, page_role, switches
from mmuproof.model.reserved_bits import CheckedMmu, GuestCpu, MmuKind, MmuRequest, ReservedBits, ShadowCheck
from mmuproof.model.walks import GpteFormat
from mmuproof.smt.graph import substitute, variables
from mmuproof.smt.terms import BitVec, Bool, Term, bv, ne, resize, to_bv, var, zext

_RESETS: Mapping[MmuKind, str] = MappingProxyType(
    {
        MmuKind.TDP: functions.RESET_TDP_SHADOW_ZERO_BITS_MASK,
        MmuKind.SHADOW: functions.RESET_SHADOW_ZERO_BITS_MASK,
        MmuKind.NESTED_EPT: functions.RESET_EPT_SHADOW_ZERO_BITS_MASK,
        MmuKind.NESTED_NPT: functions.RESET_SHADOW_ZERO_BITS_MASK,
    }
)
"""What holds the reserved bits of a kind of entries; since 7.3 with their permissions."""
# Questions for 1-GByte pages: the functions that ask, and what stands for their answer.  Those for the guest ask for
# nothing else here; the other reads any bit, so a table may depend on one of its results only.
_OF_GUEST = tuple(cut.function for cut in GUEST_GBPAGES), var("guest_cpu_cap_has(X86_FEATURE_GBPAGES)", 1)
_OF_BOOT_CPU = (functions.VARIABLE_TEST_BIT,), var("boot_cpu_has(X86_FEATURE_GBPAGES)", 1)


@dataclass(frozen=True)
class _State:
    """A vCPU with one of its MMUs."""

    memory: Memory
    mmus: Mmus
    kind: MmuKind
    execonly: Bool

    @property
    def vcpu(self) -> Object:
        return self.mmus.vcpu

    @property
    def walk(self) -> Part:
        return WALKS[self.kind]

    @property
    def objects(self) -> dict[str, Pointer]:
        """The vCPU, what is walked and what is built, by struct."""
        found = {kvm_vcpu.STRUCT: pointer_to(self.vcpu)}
        for place in (self.mmus.find(self.walk), self.mmus.built(self.kind)):
            assert isinstance(place.type, RecordType)
            found[place.type.name] = pointer_to(self.vcpu, place.offset)
        return found

    def built(self, *names: str) -> StructMember:
        """A member of the MMU that is built, from the vCPU's start."""
        mmu = self.mmus.built(self.kind)
        assert isinstance(mmu.type, RecordType)
        found = member(mmu.type, *names)
        return StructMember(found.name, mmu.offset + found.offset, found.type, found.bit_width)

    def table(self, place: StructMember) -> dict[str, Pointer]:
        """A table of reserved bits as an argument."""
        return {name: pointer_to(self.vcpu, place.offset) for name in kvm_mmu.TABLES}


class LiftedReservedBits(ReservedBits, Remembers):
    """The parts of a lifted tree that compute reserved bits.

    Args:
        mmu: ``mmu.c``.
        cpuid: ``cpuid.c``.
        registers: the unit that loads PDPTEs.
        vmx: the unit that sets a nested EPT up for L1.
    """

    def __init__(self, mmu: Unit, cpuid: Unit, registers: Unit, vmx: Unit) -> None:
        super().__init__()
        self._mmu, self._cpuid, self._registers, self._vmx = mmu, cpuid, registers, vmx

    # -- the set-up ------------------------------------------------------------------------------------

    @once
    def set_up(self, kind: MmuKind, earlier: MmuRequest, now: MmuRequest) -> CheckedMmu:
        """See `ReservedBits.set_up`."""
        session, memory = Session(self._mmu, self._with_gbpages(CUTS)), Memory()
        vcpu = self._vcpu(self._mmu, memory)
        state = _State(memory, Mmus(vcpu), kind, now.execonly)
        state.mmus.connect(memory, nested=kind not in (MmuKind.TDP, MmuKind.SHADOW), l2=kind is MmuKind.L2)
        tdp = session.global_object(switches.TDP_ENABLED)
        memory.write(tdp, 0, tdp.type.bits, bv(kind is not MmuKind.SHADOW, tdp.type.bits))
        valid = bit_field(state.mmus.place(state.walk, kvm_mmu.CPU_ROLE), page_role.VALID)
        memory.write(vcpu, valid.offset, valid.width, bv(0, valid.width))
        for request in (earlier, now):
            largest = self._ept_page_level() if kind is MmuKind.NESTED_EPT else bv(0, 32)
            set_up_once(session, memory, vcpu, kind, request, largest_page=largest)
        depth = bit_field(self._role_of_root(state), page_role.LEVEL)
        return CheckedMmu(
            kind=kind,
            guest_cpu=GuestCpu(
                maxphyaddr=_guest_maxphyaddr(),
                gbpages=self._guest_gbpages(memory, vcpu),
                amd_compatible=ne(read_member(memory, vcpu, place_of(vcpu, kvm_vcpu.IS_AMD_COMPATIBLE)), 0),
                ept_caps=_ept_caps(),
            ),
            root_level=read_member(memory, vcpu, depth),
            evidence=session.evidence(),
            state=state,
        )

    def _role_of_root(self, state: _State) -> StructMember:
        """The role of the root; tables that are only walked have that of the CPU since 7.3."""
        built = state.mmus.built(state.kind).type
        assert isinstance(built, RecordType)
        return state.built(
            kvm_mmu.ROOT_ROLE if self._mmu.has_member(built.name, kvm_mmu.ROOT_ROLE) else kvm_mmu.CPU_ROLE
        )

    def _vcpu(self, unit: Unit, memory: Memory) -> Object:
        """A vCPU whose reserved address bits are those that KVM computes from its MAXPHYADDR."""
        vcpu = Object(name="vcpu", type=unit.record(kvm_vcpu.STRUCT), kind=ObjectKind.INPUT, by_pointer=True)
        place = place_of(vcpu, kvm_vcpu.RESERVED_GPA_BITS)
        memory.write(vcpu, place.offset, place.width, self._reserved_gpa_bits())
        return vcpu

    @once
    def _reserved_gpa_bits(self) -> BitVec:
        """``kvm_vcpu_reserved_gpa_bits_raw()``, which ``kvm_vcpu_after_set_cpuid()`` takes them from."""
        session, memory = Session(self._cpuid, CUTS), Memory()
        vcpu = Object(name="vcpu", type=self._cpuid.record(kvm_vcpu.STRUCT), kind=ObjectKind.INPUT, by_pointer=True)
        place = place_of(vcpu, kvm_vcpu.MAXPHYADDR)
        memory.write(vcpu, place.offset, place.width, resize(_guest_maxphyaddr(), place.width))
        return session.integer(memory, "kvm_vcpu_reserved_gpa_bits_raw", objects={kvm_vcpu.STRUCT: pointer_to(vcpu)})

    @once
    def _ept_page_level(self) -> BitVec:
        """``ept_caps_to_lpage_level()``, by which ``nested_ept_init_mmu_context()`` asks for the set-up."""
        return Session(self._vmx, CUTS).integer(
            Memory(), "ept_caps_to_lpage_level", objects={}, values={"ept_caps": _ept_caps()}
        )

    def _with_gbpages(self, cuts: tuple[Cut, ...]) -> tuple[Cut, ...]:
        """Cut the question for the guest's features where they are not kept as words in memory."""
        return cuts if self._has_cpu_caps else (*cuts, *GUEST_GBPAGES)

    @property
    def _has_cpu_caps(self) -> bool:
        try:
            member_at(self._mmu.record(kvm_vcpu.STRUCT), kvm_vcpu.CPU_CAPS)
        except KeyError:
            return False
        return True

    def _guest_gbpages(self, memory: Memory, vcpu: Object) -> Bool:
        if not self._has_cpu_caps:
            return ne(_OF_GUEST[1], 0)
        feature = constant_of(self._mmu, constants.X86_FEATURE_GBPAGES)
        session, objects = Session(self._mmu, CUTS), {kvm_vcpu.STRUCT: pointer_to(vcpu)}
        values = {"x86_feature": bv(feature, 32)}
        return ne(session.integer(memory.copy(), functions.GUEST_CPU_CAP_HAS, objects=objects, values=values), 0)

    # -- what reads the tables ---------------------------------------------------------------------------

    @once
    def is_rsvd_bits_set(self, mmu: CheckedMmu, gpte: BitVec, level: int) -> Bool:
        """See `ReservedBits.is_rsvd_bits_set`."""
        state = mmu.state
        assert isinstance(state, _State)
        table = state.table(state.mmus.place(state.walk, *kvm_mmu.GUEST_TABLE))
        return self._asked_of_guest(
            state, functions.INNER_IS_RSVD_BITS_SET, table, {"pte": gpte, "level": bv(level, 32)}
        )

    @once
    def is_rejected(self, mmu: CheckedMmu, gpte_format: GpteFormat, gpte: BitVec, level: int) -> Bool:
        """See `ReservedBits.is_rejected`."""
        state = mmu.state
        assert isinstance(state, _State)
        name = f"{gpte_format.value}_is_rsvd_bits_set"
        objects = state.table(state.mmus.place(state.walk, *kvm_mmu.GUEST_TABLE)) | state.objects
        return self._asked_of_guest(state, name, objects, {"gpte": gpte, "level": bv(level, 32)})

    def _asked_of_guest(
        self, state: _State, name: str, objects: Mapping[str, Pointer], values: Mapping[str, BitVec]
    ) -> Bool:
        result = Session(self._mmu, CUTS).integer(state.memory.copy(), name, objects=objects, values=values)
        return ne(_one_answer(result, *_OF_GUEST), 0)

    @once
    def pdptr_rsvd_bits(self, guest_cpu: GuestCpu) -> BitVec:
        """See `ReservedBits.pdptr_rsvd_bits`."""
        memory = Memory()
        vcpu = self._vcpu(self._registers, memory)
        objects = {kvm_vcpu.STRUCT: pointer_to(vcpu)}
        return Session(self._registers, CUTS).integer(memory, functions.PDPTR_RSVD_BITS, objects=objects)

    # -- SPTEs -------------------------------------------------------------------------------------------

    @once
    def shadow_check(self, mmu: CheckedMmu, masks: ShadowMasks, root_level: int) -> ShadowCheck:
        """See `ReservedBits.shadow_check`."""
        before = mmu.state
        assert isinstance(before, _State)
        if mmu.kind not in _RESETS:
            raise NotThere([f"SPTEs of {mmu.kind.value}"])
        state = _State(before.memory.copy(), before.mmus, before.kind, before.execonly)
        session = Session(self._mmu, self._with_gbpages(SPTE_CUTS))
        depth = bit_field(state.built(kvm_mmu.ROOT_ROLE), page_role.LEVEL)
        state.memory.write(state.vcpu, depth.offset, depth.width, bv(root_level, depth.width))
        write_host(session, state.memory, masks, tdp=mmu.kind is not MmuKind.SHADOW)
        session.call(
            state.memory, _RESETS[mmu.kind], objects=state.objects, values={"execonly": to_bv(state.execonly, 8)}
        )
        return ShadowCheck(
            root_level=root_level,
            boot_gbpages=ne(_OF_BOOT_CPU[1], 0),
            max_huge_page_level=session.global_value(state.memory, switches.MAX_HUGE_PAGE_LEVEL),
            evidence=mmu.evidence + session.evidence(),
            state=state,
        )

    @once
    def is_rsvd_spte(self, check: ShadowCheck, spte: BitVec, level: int) -> Bool:
        """See `ReservedBits.is_rsvd_spte`."""
        state = check.state
        assert isinstance(state, _State)
        result = Session(self._mmu, SPTE_CUTS).integer(
            state.memory.copy(),
            functions.IS_RSVD_SPTE,
            objects=state.table(state.built(*kvm_mmu.SPTE_TABLE)),
            values={"spte": spte, "level": bv(level, 32)},
        )
        if len(_asked(result, _OF_BOOT_CPU[0])) > 1:
            raise Refused("KVM's check of SPTEs depends on several features of the processor")
        return ne(_one_answer(_one_answer(result, *_OF_GUEST), *_OF_BOOT_CPU), 0)


def _guest_maxphyaddr() -> BitVec:
    return var("vcpu->arch.maxphyaddr", 8)


def _ept_caps() -> BitVec:
    return var("vmx->nested.msrs.ept_caps", 32)


def _asked(term: BitVec, functions: tuple[str, ...]) -> list[BitVec]:
    """The results of these functions that a term depends on."""
    begins = tuple(f"{function}(" for function in functions)
    return [found for name, found in variables(term).items() if name.startswith(begins) and isinstance(found, BitVec)]


def _one_answer(term: BitVec, functions: tuple[str, ...], answer: BitVec) -> BitVec:
    """The term where each result of these functions is the same."""
    replacements: dict[Term, Term] = {found: zext(answer, found.width) for found in _asked(term, functions)}
    return substitute(term, replacements)
