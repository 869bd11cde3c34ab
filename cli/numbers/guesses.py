"""What a number may be, by which bits it has: the kinds in the order of likelihood, each with the reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mmuproof.cli.numbers.hardware import EntryPlace, named_bits
from mmuproof.cli.numbers.kernel import KernelNumbers
from mmuproof.model.kvm import Kvm
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.vendor import Vendor
from mmuproof.spec.ept_violation import EPT_VIOLATION
from mmuproof.spec.nested_page_fault import NESTED_PAGE_FAULT
from mmuproof.spec.vmx_controls import ALWAYS_ONE

_PAGE = 1 << 12
_LARGEST_LEVEL = 5
_FEW_CONTROLS = 3


@dataclass(frozen=True)
class Guess:
    """What a number may be.

    Args:
        kind: that.
        why: what of the number speaks for it.
        likely: how much: the larger the likelier.
    """

    kind: NumberKind
    why: str
    likely: int


def guesses(kvm: Kvm, kernel: KernelNumbers, number: int) -> tuple[Guess, ...]:
    """What a number of 64 bits may be, the likeliest first; never nothing."""
    found = [*_entries(kvm, kernel, number), *_reports(number), *_roles(kernel, number), *_controls(number)]
    if not found:
        found = [Guess(NumberKind.GUEST_ENTRY, "it fits nothing else", 0)]
    return tuple(sorted(found, key=lambda each: -each.likely))


def _entries(kvm: Kvm, kernel: KernelNumbers, number: int) -> Iterator[Guess]:
    for vendor in Vendor:
        summary = kernel.spte(vendor, number, EntryPlace(1, 48)).summary
        if summary and number:
            yield Guess(NumberKind.SPTE, f"it is {summary.partition(',')[0]} ({vendor.value})", 95)
            break
    else:
        present = kvm.constant("SPTE_MMU_PRESENT_MASK")
        if number & present and number >= _PAGE:
            told = f"bit {present.bit_length() - 1}, SPTE_MMU_PRESENT_MASK, is set"
            yield Guess(NumberKind.SPTE, told, 70 if number & 0b111 else 60)
    if number & 0b111 and number >= _PAGE:
        # An entry that cannot be read is rare.
        yield Guess(NumberKind.GUEST_ENTRY, "it grants something, and has an address", 55 if number & 1 else 40)


def _reports(number: int) -> Iterator[Guess]:
    final, table = (1 << NESTED_PAGE_FAULT.bit_of(name) for name in ("final", "guest-page-table"))
    others = number & ~named_bits(NumberKind.EXIT_INFO_1)
    if not others and bool(number & final) != bool(number & table):
        yield Guess(NumberKind.EXIT_INFO_1, "one of bits 32 and 33 is set, which tell the stage of the fault", 90)
    code = named_bits(NumberKind.ERROR_CODE)
    if not number & ~code:
        yield Guess(NumberKind.ERROR_CODE, "it has only bits of an error code", 65 if number < 1 << 7 else 40)
    linear = 1 << EPT_VIOLATION.bit_of("linear-address-valid")
    accesses = sum(1 << EPT_VIOLATION.bit_of(name) for name in ("data-read", "data-write", "fetch"))
    if not number & ~named_bits(NumberKind.EPT_VIOLATION) and number & accesses:
        told = "it tells an access, and has only bits of an exit qualification"
        yield Guess(NumberKind.EPT_VIOLATION, told, 75 if number & linear else 30)


def _roles(kernel: KernelNumbers, number: int) -> Iterator[Guess]:
    members = {each.name: each for each in kernel.role_members}
    level = number >> members["level"].low & (1 << members["level"].width) - 1
    if number & ~kernel.role_bits or not 1 <= level <= _LARGEST_LEVEL:
        return
    valid = members.get("valid")
    if valid is not None and number >> valid.low & 1:
        yield Guess(NumberKind.ROLE, f"its level is {level}, and it is valid", 75)
    elif number >> 32 == 0 and number >> members["access"].low:
        yield Guess(NumberKind.ROLE, f"its level is {level}, and its other bits are all in members", 50)


def _controls(number: int) -> Iterator[Guess]:
    always = sum(1 << each for each in ALWAYS_ONE)
    if number & always == always and not number & ~named_bits(NumberKind.PRIMARY_CONTROLS):
        yield Guess(NumberKind.PRIMARY_CONTROLS, "all primary controls are set that have to be", 80)
    secondary = named_bits(NumberKind.SECONDARY_CONTROLS)
    if number & 0b10 and not number & ~secondary and number.bit_count() >= _FEW_CONTROLS:
        yield Guess(NumberKind.SECONDARY_CONTROLS, "EPT is on, and it has only bits that are controls", 45)
    if number and not number & ~named_bits(NumberKind.TERTIARY_CONTROLS):
        yield Guess(NumberKind.TERTIARY_CONTROLS, "it has only bits that are controls", 10)
