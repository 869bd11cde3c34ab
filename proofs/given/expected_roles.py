"""What theorems on roles have in common: free requests, and members of a role beside what they should say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from mmuproof.model.kvm import Kvm, NotThere
from mmuproof.model.reserved_bits import MmuKind, MmuRequest
from mmuproof.model.roles import KNOWN_MEMBERS, Members, MmuRoles
from mmuproof.model.statement import Shown, Symptom
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Claim
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import TRUE, BitVec, Bool, Term, all_of, any_of, bool_var, bv, ne, negate, resize, to_bv, var
from mmuproof.spec import paging_mode
from mmuproof.spec.paging_mode import ControlRegisters, PagingMode

CR0_FLAGS = ((paging_mode.CR0_WP_BIT, "WP"), (paging_mode.CR0_PG_BIT, "PG"))
CR4_FLAGS = (
    (paging_mode.CR4_PSE_BIT, "PSE"),
    (paging_mode.CR4_PAE_BIT, "PAE"),
    (paging_mode.CR4_LA57_BIT, "LA57"),
    (paging_mode.CR4_SMEP_BIT, "SMEP"),
    (paging_mode.CR4_SMAP_BIT, "SMAP"),
    (paging_mode.CR4_PKE_BIT, "PKE"),
)
EFER_FLAGS = ((paging_mode.EFER_LMA_BIT, "LMA"), (paging_mode.EFER_NXE_BIT, "NX"))

EVERY_REGISTER = "the registers are such as a processor can hold: KVM refuses EFER.LMA without CR0.PG and CR4.PAE"

KINDS: Mapping[Vendor, tuple[MmuKind, ...]] = MappingProxyType(
    {
        Vendor.INTEL: (MmuKind.TDP, MmuKind.L2, MmuKind.NESTED_EPT),
        Vendor.AMD: (MmuKind.TDP, MmuKind.L2, MmuKind.NESTED_NPT),
        Vendor.SHADOW: (MmuKind.SHADOW,),
    }
)
"""The MMUs that one vCPU has; without TDP there is one, for L2 as well."""


@dataclass(frozen=True)
class RoleAsked:
    """What is asked of an MMU, free, and the paging mode that its registers stand for."""

    request: MmuRequest
    mode: PagingMode
    possible: Assumption

    @property
    def shown(self) -> tuple[Shown, ...]:
        """The registers, for a counterexample."""
        return (
            Shown("CR0", self.request.cr0, CR0_FLAGS),
            Shown("CR4", self.request.cr4, CR4_FLAGS),
            Shown("EFER", self.request.efer, EFER_FLAGS),
        )


def asked(when: str) -> RoleAsked:
    """A free request; ``when`` tells it from others."""
    cr0, cr4, efer = (var(f"{name} {when}", 64) for name in ("CR0", "CR4", "EFER"))
    request = MmuRequest(
        cr0=cr0,
        cr4=cr4,
        efer=efer,
        execonly=bool_var(f"execute-only support {when}"),
        accessed_dirty=bool_var(f"EPTP's A/D bit {when}"),
        mbec=bool_var(f"MBEC for L2 {when}"),
        eptp=var(f"EPTP {when}", 64),
        gmet=bool_var(f"GMET for L2 {when}"),
    )
    registers = ControlRegisters(cr0, cr4, efer)
    return RoleAsked(request, paging_mode.paging_mode(registers), Assumption(EVERY_REGISTER, registers.possible()))


def roles_now(kvm: Kvm, vendor: Vendor, kind: MmuKind, now: RoleAsked, *, world: str = "") -> MmuRoles:
    """The roles of an MMU that has been set up for something else before."""
    earlier = asked(f"of {world} before" if world else "before")
    masks = kvm.masks.shadow_masks(vendor)
    return kvm.roles.set_up(kind, earlier.request, now.request, masks, world=world)


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """A member of a role and the value that it should have.

    Args:
        symptom: what a wrong value is called.
        member: the member's name.
        wanted: its value.
        says: what the member tells, as the end of a sentence that begins "The role does not say".
        source: who says so.
        matters: where the value has a meaning.
    """

    symptom: str
    member: str
    wanted: Term
    says: str
    source: str
    matters: Bool = TRUE

    def wrong(self, value: BitVec) -> Bool:
        """Whether the member has another value; one that is too narrow to hold the wanted one has."""
        wanted = to_bv(self.wanted) if isinstance(self.wanted, Bool) else self.wanted
        assert isinstance(wanted, BitVec)
        width = max(value.width, wanted.width)
        return all_of(self.matters, ne(resize(value, width), resize(wanted, width)))


@dataclass(frozen=True)
class RoleMember:
    """A member of a role, of which `tells` gives the expectation; the fields are those of `Expectation`."""

    symptom: str
    member: str
    wanted: Term

    def tells(self, says: str, source: str, *, where: Bool = TRUE) -> Expectation:
        """What it tells, and who says so; ``where`` it has a meaning."""
        return Expectation(
            symptom=self.symptom, member=self.member, wanted=self.wanted, says=says, source=source, matters=where
        )


def judged(
    role: str,
    members: Members,
    expectations: Sequence[Expectation],
    *,
    part: str,
    roles: MmuRoles,
    assumptions: tuple[Assumption, ...] = (),
    shown: tuple[Shown, ...] = (),
    elsewhere: Sequence[str] = (),
) -> Claim:
    """The claim that the members of a role are as expected.

    Args:
        role: what the role is called, such as ``cpu_role``.
        members: the role's members; an expectation of one that the tree has not is left out.
        expectations: what they should be.
        part: which part of the theorem it is.
        roles: how the role came about.
        assumptions: what is taken for granted.
        shown: what a counterexample shows besides the members that are expected to be something.
        elsewhere: members that another theorem speaks of; any other of which nothing is expected has to be 0.

    Raises:
        NotThere: the role has a member of which it is not known what it says.
    """
    if unknown := [name for name in members if name not in KNOWN_MEMBERS]:
        lacks = ", ".join(dict.fromkeys(each.member for each in expectations if each.member not in members))
        raise NotThere([f"what {role}.{name} says{f', which has no {lacks}' * bool(lacks)}" for name in unknown])
    known = [each for each in expectations if each.member in members]
    symptoms: list[Symptom] = []
    for each in known:
        symptoms.append(
            Wrong(
                each.symptom, each.wrong(members[each.member]), f"{role}.{each.member} does not say {each.says}."
            ).told(f"{role}.{each.member} is another", each.source)
        )
    spoken_of = {*elsewhere, *(each.member for each in known)}
    others = [value for name, value in members.items() if name not in spoken_of]
    symptoms.append(
        Wrong(
            "stray-member",
            any_of(*(ne(value, bv(0, value.width)) for value in others)),
            f"A member of {role} that says nothing here is not 0, so pages that could be shared are not.",
        ).told("not 0", "KVM: a role has only what a page depends on")
    )
    return never(
        given(
            *assumptions,
            shown=(*shown, *(Shown(f"{role}.{each.member}", members[each.member]) for each in known)),
            evidence=roles.evidence,
            part=part,
        ),
        *symptoms,
    )


def vcpu_expectations(roles: MmuRoles) -> tuple[Expectation, ...]:
    """What a role says of the vCPU, whatever its paging."""
    inputs = roles.inputs
    return (
        RoleMember("smm", "smm", inputs.smm).tells(
            "whether the vCPU is in SMM", "KVM: kvm_memslots_for_spte_role() chooses the memory slots by it"
        ),
        RoleMember("guest-mode", "guest_mode", inputs.guest_mode).tells(
            "whether the vCPU runs L2", "KVM: L2's writes are not logged by PML"
        ),
    )


def paging_expectations(mode: PagingMode) -> tuple[Expectation, ...]:
    """What the base of a CPU role says of the guest's paging, besides its depth and its use of XD."""
    without_wp = negate(mode.write_protect)
    return (
        RoleMember("paging", "direct", negate(mode.enabled)).tells(
            "whether the guest has no paging", "SDM 5.1.1: CR0.PG turns paging on"
        ),
        RoleMember("entry-size", "has_4_byte_gpte", mode.two_levels).tells(
            "whether the guest's entries have four bytes", "SDM 5.1.1: 32-bit paging is what CR4.PAE=0 chooses"
        ),
        RoleMember("write-protect", "cr0_wp", mode.write_protect).tells(
            "whether a supervisor needs R/W to write", "SDM 5.1.3: CR0.WP"
        ),
        RoleMember("smep", "cr4_smep", mode.smep).tells(
            "whether a supervisor may fetch from user pages", "SDM 5.1.3: CR4.SMEP"
        ),
        RoleMember("smap-without-wp", "smap_andnot_wp", all_of(mode.smap, without_wp)).tells(
            "whether SMAP restricts a supervisor that CR0.WP does not", "SDM 5.1.3: CR4.SMAP, CR0.WP"
        ),
        RoleMember("smep-without-wp", "smep_andnot_wp", all_of(mode.smep, without_wp)).tells(
            "whether SMEP restricts a supervisor that CR0.WP does not", "SDM 5.1.3: CR4.SMEP, CR0.WP"
        ),
    )


def extended_expectations(mode: PagingMode) -> tuple[Expectation, ...]:
    """What the rest of a CPU role says of the guest's paging."""
    return (
        RoleMember("valid", "valid", TRUE).tells(
            "that it has been set", "KVM: a role without it is never that of an MMU"
        ),
        RoleMember("smap", "cr4_smap", mode.smap).tells(
            "whether a supervisor may access data in user pages", "SDM 5.1.3: CR4.SMAP"
        ),
        RoleMember("page-size", "cr4_pse", mode.four_mbyte_pages).tells(
            "whether there are 4-MByte pages",
            "SDM 5.1.3: CR4.PSE, with 32-bit paging",
            where=any_of(mode.two_levels, negate(mode.enabled)),
        ),
        RoleMember("keys", "cr4_pke", mode.protection_keys).tells(
            "whether protection keys count", "SDM 5.1.3: CR4.PKE, with 4- and 5-level paging"
        ),
        RoleMember("five-levels", "cr4_la57", mode.five_levels).tells(
            "whether there are five levels", "SDM 5.1.1: CR4.LA57, in IA-32e mode"
        ),
        RoleMember("long-mode", "efer_lma", mode.ia32e).tells(
            "whether the guest is in IA-32e mode", "SDM 5.1.1: EFER.LMA"
        ),
    )


def full_access(kvm: Kvm) -> Expectation:
    """A role that takes no permission away."""
    return RoleMember("access", "access", bv(kvm.constant("ACC_ALL"), 32)).tells(
        "that the tables above take nothing away", "KVM: the root has all of ACC_ALL"
    )
