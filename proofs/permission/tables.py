"""The theorems on permissions as tables: which accesses are told apart, and under which settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from mmuproof.model.kvm import Kvm
from mmuproof.model.walks import WalkKind
from mmuproof.proofs.given import relations
from mmuproof.proofs.given.relations import flag
from mmuproof.proofs.permission.judged import CPL, Judged, ept_judged, keys_judged, npt_judged, paging_judged
from mmuproof.smt.terms import FALSE, TRUE, Term

Setting = tuple[tuple[Term, int], ...]
"""Inputs with their values; all others are 0."""

_LEVELS = 4
_OFF: Mapping[str, int] = MappingProxyType({"cr4_pke": 0, "level": _LEVELS})


@dataclass(frozen=True)
class AccessRow:
    """One access under one setting: what it is called, and the inputs that make it."""

    says: str
    setting: Setting


@dataclass(frozen=True, kw_only=True)
class PermissionTable:
    """A theorem on permissions, to be read as a table.

    Args:
        judged: KVM's and the manual's judgement.
        rows: the accesses.
        flags: the names of the ACC_* bits by number.
    """

    judged: Judged
    rows: tuple[AccessRow, ...]
    flags: tuple[tuple[int, str], ...]


def _role(judged: Judged, **members: int) -> Setting:
    """Members of the role that the kernel has."""
    flags = judged.walk.flags
    return tuple((flags[name], value) for name, value in {**_OFF, **members}.items() if name in flags)


def _code(kvm: Kvm, judged: Judged, *names: str) -> Setting:
    """The error code of an access."""
    bits = sum(kvm.constant(name if name == "PFERR_IMPLICIT_ACCESS" else f"PFERR_{name}_MASK") for name in names)
    return ((judged.inputs.access, bits),)


def _ept_rows(kvm: Kvm, judged: Judged, *, mbec: bool) -> Iterator[AccessRow]:
    role = _role(judged, cr4_smep=int(mbec))
    if not relations.reads_have_a_bit(kvm):
        # There, a data read is PFERR_USER_MASK, and nothing tells modes apart.
        for says, name in (("data read", "USER"), ("data write", "WRITE"), ("fetch", "FETCH")):
            yield AccessRow(says, (*role, *_code(kvm, judged, name)))
        return
    for says, names in (("data read", ()), ("data write", ("WRITE",)), ("fetch", ("FETCH",))):
        for mode, user in (("supervisor-mode address", ()), ("user-mode address", ("USER",))):
            yield AccessRow(f"{says}, {mode}", (*role, *_code(kvm, judged, *names, *user)))


def _ept(kvm: Kvm, *, mbec: bool) -> PermissionTable:
    judged = ept_judged(kvm, kvm.walks.guest_walk(WalkKind.NESTED_EPT), TRUE if mbec else FALSE)
    rows = tuple(_ept_rows(kvm, judged, mbec=mbec))
    return PermissionTable(judged=judged, rows=rows, flags=relations.acc_flags(kvm, ept=True))


def _npt_rows(kvm: Kvm, judged: Judged, *, gmet: bool) -> Iterator[AccessRow]:
    levels = (("CPL 0 to 2", 0), ("CPL 3", 3)) if gmet else (("any CPL", 0),)
    for nx in (1, 0):
        role = _role(judged, cr4_smep=int(gmet), cr0_wp=1, cr4_smap=0, efer_nx=nx)
        for says, names in (("read", ()), ("write", ("WRITE",)), ("fetch", ("FETCH",))):
            for who, cpl in levels:
                user = ("USER",) if cpl == 3 or not gmet else ()
                setting = (*role, (CPL, cpl), *_code(kvm, judged, *names, *user))
                # What EFER.NXE has no part in is told once.
                if nx or says == "fetch":
                    yield AccessRow(f"{says}, {who}{'' if nx else ', EFER.NXE=0'}", setting)


def _npt(kvm: Kvm, *, gmet: bool) -> PermissionTable:
    walk = kvm.walks.guest_walk(WalkKind.NESTED_NPT)
    judged = npt_judged(kvm, walk, TRUE if gmet else FALSE, flag(walk, "efer_nx"))
    rows = tuple(_npt_rows(kvm, judged, gmet=gmet))
    return PermissionTable(judged=judged, rows=rows, flags=relations.acc_flags(kvm, ept=False))


def _paging_rows(kvm: Kvm, judged: Judged) -> Iterator[AccessRow]:
    def row(says: str, *names: str, ac: int = 0, **members: int) -> AccessRow:
        on = {"cr0_wp": 1, "cr4_smep": 1, "cr4_smap": 1, "efer_nx": 1, "efer_lma": 1, **members}
        told = ", ".join(f"{_REGISTER_BITS[name]}={value}" for name, value in members.items())
        ac_told = "EFLAGS.AC=1" if ac else ""
        label = ", ".join(each for each in (says, told, ac_told) if each)
        return AccessRow(label, (*_role(judged, **on), (judged.result.eflags_ac, ac), *_code(kvm, judged, *names)))

    yield row("user read", "USER")
    yield row("user write", "USER", "WRITE")
    yield row("user fetch", "USER", "FETCH")
    yield row("user fetch", "USER", "FETCH", efer_nx=0)
    yield row("supervisor read")
    yield row("supervisor read", ac=1)
    yield row("supervisor read", cr4_smap=0)
    yield row("implicit read", "PFERR_IMPLICIT_ACCESS")
    yield row("implicit read", "PFERR_IMPLICIT_ACCESS", ac=1)
    yield row("supervisor write", "WRITE")
    yield row("supervisor write", "WRITE", cr4_smap=0)
    yield row("supervisor write", "WRITE", cr0_wp=0, cr4_smap=0)
    yield row("supervisor fetch", "FETCH")
    yield row("supervisor fetch", "FETCH", cr4_smep=0)
    yield row("supervisor fetch", "FETCH", cr4_smep=0, efer_nx=0)


_REGISTER_BITS: Mapping[str, str] = MappingProxyType(
    {"cr0_wp": "CR0.WP", "cr4_smep": "SMEP", "cr4_smap": "SMAP", "efer_nx": "EFER.NXE"}
)


def _paging(kvm: Kvm) -> PermissionTable:
    judged = paging_judged(kvm)
    rows = tuple(_paging_rows(kvm, judged))
    return PermissionTable(judged=judged, rows=rows, flags=relations.acc_flags(kvm, ept=False))


_KEY = 1
_DENIES_ACCESS, _DENIES_WRITES = 0b01, 0b10
"""The two bits that PKRU has for each key."""


def _key_rows(kvm: Kvm, judged: Judged) -> Iterator[AccessRow]:
    def row(says: str, key: str, denies: int, *names: str, write_protect: int = 1) -> AccessRow:
        role = _role(judged, cr0_wp=write_protect, cr4_pke=1, cr4_smep=0, cr4_smap=0, efer_nx=1, efer_lma=1)
        pkru = ((judged.inputs.pte_pkey, _KEY), (judged.result.pkru, denies << 2 * _KEY))
        label = f"{says}, {key}{'' if write_protect else ', CR0.WP=0'}"
        return AccessRow(label, (*role, *pkru, *_code(kvm, judged, *names)))

    for key, denies in (("no key", 0), ("AD", _DENIES_ACCESS), ("WD", _DENIES_WRITES)):
        for mode, user in (("user", ("USER",)), ("supervisor", ())):
            yield row(f"{mode} read", key, denies, *user)
            yield row(f"{mode} write", key, denies, "WRITE", *user)
            yield row(f"{mode} fetch", key, denies, "FETCH", *user)
        yield row("supervisor write", key, denies, "WRITE", write_protect=0)


def _keys(kvm: Kvm) -> PermissionTable:
    judged = keys_judged(kvm)
    rows = tuple(_key_rows(kvm, judged))
    return PermissionTable(judged=judged, rows=rows, flags=relations.acc_flags(kvm, ept=False))


PERMISSION_TABLES: Mapping[str, Callable[[Kvm], PermissionTable]] = MappingProxyType(
    {
        "permission.ept": lambda kvm: _ept(kvm, mbec=False),
        "permission.ept-mbec": lambda kvm: _ept(kvm, mbec=True),
        "permission.npt": lambda kvm: _npt(kvm, gmet=False),
        "permission.npt-gmet": lambda kvm: _npt(kvm, gmet=True),
        "permission.paging": _paging,
        "permission.pkeys": _keys,
    }
)
"""By the name of the theorem that speaks of every cell of it."""
