"""What the lifted walk of guest page tables computes is what gcc's code for mmu.c computes."""

import random

import pytest

from mmuproof.model.lifted.session import member
from mmuproof.model.lifted.walks import WalkInMemory
from mmuproof.model.walks import GpteFormat, NestedControls, WalkKind
from mmuproof.smt.graph import evaluate_all
from mmuproof.smt.terms import Term, bool_var, var

from .conftest import ANY_BIT, WORD, Case, Draw, TermsAndProgram, among, word

pytestmark = [pytest.mark.kernel, pytest.mark.compiler]

# The order is that of the probes' enum.
_KINDS = (WalkKind.NESTED_EPT, WalkKind.NESTED_NPT, WalkKind.GUEST)
_NESTED = _KINDS[:2]
each_kind = pytest.mark.parametrize("kind", _KINDS, ids=lambda kind: kind.name)
each_nested = pytest.mark.parametrize("kind", _NESTED, ids=lambda kind: kind.name)

_CR0_WP = 1 << 16
_IMPLICIT_ACCESS = 1 << 48


def _mmu(kind: WalkKind) -> str:
    return "mmu->" if kind is WalkKind.GUEST else "vcpu->arch.guest_mmu."


def _walk(kind: WalkKind) -> dict[str, Draw]:
    """The inputs of ``struct walk``: an MMU with any role and any old metadata."""
    mmu, number = _mmu(kind), _KINDS.index(kind)
    return {
        "kind": among(number, number),
        f"{mmu}cpu_role": WORD,
        f"{mmu}root_role": word(32),
        **{f"{mmu}permissions[{index}]": word(16) for index in range(16)},
        f"{mmu}pkru_mask": word(32),
    }


def _metadata(permissions: tuple[Term, ...], pkru_mask: Term) -> dict[str, Term]:
    elements = {f"permissions[{index}]": each for index, each in enumerate(permissions)}
    return {**elements, "pkru_mask": pkru_mask}


@each_kind
def test_permissions_and_pkru_mask(both: TermsAndProgram, kind: WalkKind) -> None:
    walk = both.lifted.walks.guest_walk(kind)
    results = _metadata(walk.metadata.permissions, walk.metadata.pkru_mask)
    both.compare("guest_walk", _walk(kind), results, walk.evidence)


def _access(chance: random.Random) -> int:
    """Mostly what a walk asks for; at times RSVD, which permission_fault() warns of, or bits that are no one's."""
    pfec = chance.choice((0x17, 0x17, 0x17, 0x1F)) & chance.getrandbits(5)
    return pfec | chance.getrandbits(1) * _IMPLICIT_ACCESS | chance.choice((0, chance.getrandbits(32) << 32))


def _cr0(chance: random.Random) -> int:
    return chance.getrandbits(64) & ~_CR0_WP | chance.getrandbits(1) * _CR0_WP


@each_kind
def test_permission_fault(both: TermsAndProgram, kind: WalkKind) -> None:
    walk = both.lifted.walks.guest_walk(kind)
    fault = both.lifted.walks.permission_fault(walk, var("pte_access", 32), var("pte_pkey", 32), var("access", 64))
    inputs = {
        **_walk(kind),
        "tdp_enabled": ANY_BIT,
        "vcpu->arch.cr0": _cr0,
        "variable_test_bit()": ANY_BIT,
        "vcpu->arch.cr0 after kvm_x86_cache_reg()": _cr0,
        "vcpu->arch.cr0_guest_owned_bits": WORD,
        "kvm_x86_get_rflags()": WORD,
        "vcpu->arch.pkru": word(32),
        # A shift count, which C defines to 31.
        "pte_access": lambda chance: chance.getrandbits(chance.choice((3, 4, 5))),
        "pte_pkey": word(4),
        "access": _access,
    }
    both.compare("permission_fault", inputs, {"the error code": fault.error_code}, fault.evidence)


def _few_bits(chance: random.Random) -> int:
    """With more bits an entry that is not present would be rare."""
    return chance.getrandbits(64) & chance.getrandbits(64)


@each_kind
def test_guest_entries(both: TermsAndProgram, kind: WalkKind) -> None:
    kvm, gpte = both.lifted, var("gpte", 64)
    walk = kvm.walks.guest_walk(kind)
    formats = (GpteFormat.EPT, GpteFormat.PAGING64, GpteFormat.PAGING32)
    results: dict[str, Term] = {
        **{f"{each.value}_is_present_gpte": kvm.walks.is_present_gpte(each, walk, gpte) for each in formats},
        **{f"{each.value}_gpte_access": kvm.walks.gpte_access(each, gpte) for each in formats},
        "__is_bad_mt_xwr": kvm.walks.is_bad_mt_xwr(gpte, bool_var("execonly")),
    }
    inputs = {**_walk(kind), "gpte": _few_bits, "execonly": ANY_BIT}
    both.compare("guest_entry", inputs, results)


@each_nested
def test_nested_set_up(both: TermsAndProgram, kind: WalkKind) -> None:
    controls = NestedControls(
        execonly=bool_var("execonly"),
        accessed_dirty=bool_var("accessed_dirty"),
        mbec=bool_var("mbec"),
        cr4=var("cr4", 64),
        efer=var("efer", 64),
        gmet=bool_var("gmet"),
    )
    walk = both.lifted.walks.nested_set_up(kind, controls).walk

    assert isinstance(walk.state, WalkInMemory)
    roles = {
        f"{_mmu(kind)}cpu_role": walk.role,
        f"{_mmu(kind)}root_role": walk.state.read(member(walk.state.record, "root_role")),
    }

    def meet_known_roles(chance: random.Random, case: Case) -> None:
        """At times the MMU has the wanted roles already and is left alone, at times all but a bit of them."""
        luck = chance.randrange(4)
        if luck < 2:
            case |= dict(zip(roles, evaluate_all(list(roles.values()), case), strict=True))
        if luck == 1:
            case[chance.choice(list(roles))] ^= 1 << chance.randrange(32)

    inputs = {
        **_walk(kind),
        "kvm_host.maxphyaddr": among(36, 52),
        "kvm_mmu_get_tdp_level()": among(4, 5),
        "vcpu->arch.hflags": word(32),
        "execonly": ANY_BIT,
        "accessed_dirty": ANY_BIT,
        "mbec": ANY_BIT,
        "new_eptp": WORD,
        "L1's CR0": WORD,
        "cr4": WORD,
        "efer": WORD,
        "nested_cr3": WORD,
        "gmet": ANY_BIT,
        "vcpu->kvm->vm_bugged": ANY_BIT,
    }
    results = {**_metadata(walk.metadata.permissions, walk.metadata.pkru_mask), **roles}
    both.compare("nested_set_up", inputs, results, walk.evidence, meet_known_roles)
