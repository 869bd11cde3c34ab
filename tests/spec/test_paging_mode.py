"""Paging modes against SDM 5.1.1 and 5.1.3, worked out by hand."""

import pytest

from mmuproof.smt.terms import Term, bv
from mmuproof.spec.paging_mode import ControlRegisters, PagingMode, paging_mode

PG, WP = 1 << 31, 1 << 16
PSE, PAE, LA57, SMEP, SMAP, PKE = (1 << position for position in (4, 5, 12, 20, 21, 22))
LME, LMA, NXE = (1 << position for position in (8, 10, 11))
EVERY_CR4 = PSE | PAE | LA57 | SMEP | SMAP | PKE


def registers(cr0: int, cr4: int, efer: int) -> ControlRegisters:
    return ControlRegisters(bv(cr0, 64), bv(cr4, 64), bv(efer, 64))


def said(mode: PagingMode) -> set[str]:
    """Which of the mode's truth values hold."""
    return {name for name, value in vars(mode).items() if name != "levels" and holds(value)}


def holds(value: object) -> bool:
    assert isinstance(value, Term)
    return value.value == 1


MODES = [
    # Without paging nothing counts.
    (WP, EVERY_CR4, NXE, 0, set()),
    (PG, 0, 0, 2, {"enabled", "two_levels"}),
    (PG | WP, PSE, NXE, 2, {"enabled", "two_levels", "four_mbyte_pages", "write_protect"}),
    (PG, SMEP | SMAP | PKE | LA57, 0, 2, {"enabled", "two_levels", "smep", "smap", "fetches_told"}),
    (PG, PAE | PSE | LA57 | PKE, 0, 3, {"enabled", "pae"}),
    (PG, PAE, NXE, 3, {"enabled", "pae", "execute_disable", "fetches_told"}),
    # IA-32e mode enabled, but not active.
    (PG, PAE | PKE, LME, 3, {"enabled", "pae"}),
    (PG, PAE, LME | LMA, 4, {"enabled", "ia32e"}),
    (
        PG,
        PAE | PKE | SMAP,
        LMA | NXE,
        4,
        {"enabled", "ia32e", "protection_keys", "smap", "execute_disable", "fetches_told"},
    ),
    (
        PG | WP,
        EVERY_CR4,
        LMA,
        5,
        {"enabled", "ia32e", "five_levels", "write_protect", "smep", "smap", "protection_keys", "fetches_told"},
    ),
]


@pytest.mark.parametrize(("cr0", "cr4", "efer", "levels", "true"), MODES)
def test_mode(cr0: int, cr4: int, efer: int, levels: int, true: set[str]) -> None:
    asked = registers(cr0, cr4, efer)
    assert holds(asked.possible())
    mode = paging_mode(asked)
    assert said(mode) == true
    assert (mode.levels.width, mode.levels.value) == (4, levels)


@pytest.mark.parametrize(("cr0", "cr4"), [(0, PAE), (PG, 0), (0, 0)])
def test_ia32e_mode_needs_paging_and_pae(cr0: int, cr4: int) -> None:
    assert not holds(registers(cr0, cr4, LMA).possible())
    assert holds(registers(cr0, cr4, LME).possible())


@pytest.mark.parametrize(("efer", "fits"), [(0, True), (LME, True), (LMA, False), (LMA | LME, True)])
def test_ia32e_mode_is_active_only_if_it_is_enabled(efer: int, fits: bool) -> None:
    assert holds(registers(PG, PAE, efer).enabled_before_active()) == fits
