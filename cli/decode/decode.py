"""`mmuproof decode`: what numbers say."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from mmuproof.cli.decode.command import DecodeRequest
from mmuproof.cli.decode.report import Section, ToldNumber, ToldNumbers, numbers_content, print_numbers
from mmuproof.cli.numbers.decoded import VENDORS, Assumed, Decoded, Decoder
from mmuproof.cli.numbers.guesses import Guess, guesses
from mmuproof.cli.shared.catalogue import AskedKernel, Catalogue
from mmuproof.cli.shared.configuring import given_config
from mmuproof.cli.shared.console import Output
from mmuproof.cli.shared.errors import UsageProblem
from mmuproof.cli.shared.json_file import beside_json, check_writable
from mmuproof.cli.shared.selection import select_vendors
from mmuproof.cli.shared.subject import opened_subject
from mmuproof.model.kvm import Kvm
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.vendor import Vendor

_GREEN = 0
_NEARLY_AS_LIKELY = 10
"""What is less likely than the best guess by more than this is named, and not decoded."""


def decode(request: DecodeRequest, catalogue: Catalogue, output: Output) -> int:
    """Tell what numbers say; the exit status.

    Raises:
        UsageProblem: there is no such vendor or kernel, or the results file could not be written.
    """
    vendors = select_vendors(request.vendors)
    if request.json is not None:
        check_writable(request.json)
    asked = None
    if request.source is not None:
        asked = AskedKernel(source=request.source, config=given_config(request.config))
    with output.progress(verbose=False) as watcher, opened_subject(asked, None, catalogue, watcher) as subject:
        watcher.phase("reading the kernel's names")
        assumed = Assumed(request.level, request.maxphyaddr or Assumed().max_physical_address)
        decoder = Decoder(subject.kvm, assumed)
        told = ToldNumbers(
            kernel=subject.identity,
            numbers=tuple(_told(subject.kvm, decoder, each, request.asked_kind, vendors) for each in request.numbers),
        )
    with beside_json(request.json, output, partial(numbers_content, told)) as console:
        print_numbers(console, told)
    return _GREEN


def _told(kvm: Kvm, decoder: Decoder, number: int, kind: NumberKind | None, vendors: Sequence[Vendor]) -> ToldNumber:
    """What a number says, if it is of the kind that is asked for, or of those that it may be.

    Raises:
        UsageProblem: no number of the kind is one of these vendors'.
    """
    if kind is not None:
        if not _vendors_of(kind, vendors):
            theirs = ", ".join(each.value for each in VENDORS[kind])
            raise UsageProblem(f"{kind.value} is a number of {theirs} alone")
        return ToldNumber(number, (_section(decoder, number, kind, vendors, None),), ())
    likely = [each for each in guesses(kvm, decoder.kernel, number) if _vendors_of(each.kind, vendors)]
    if not likely:
        raise UsageProblem(f"{number:#x} looks like no number of these vendors'; --kind says what it is")
    told = [each for each in likely if each.likely + _NEARLY_AS_LIKELY >= likely[0].likely]
    sections = tuple(_section(decoder, number, each.kind, vendors, each) for each in told)
    return ToldNumber(number, sections, tuple(likely[len(told) :]))


def _vendors_of(kind: NumberKind, vendors: Sequence[Vendor]) -> tuple[Vendor, ...]:
    """The vendors that a number is told for; of one that is the same for all, any one stands for them."""
    return tuple(each for each in vendors if each in VENDORS[kind]) if kind in VENDORS else tuple(vendors[:1])


def _section(
    decoder: Decoder, number: int, kind: NumberKind, vendors: Sequence[Vendor], guess: Guess | None
) -> Section:
    decoded: tuple[Decoded, ...] = tuple(decoder.decode(kind, number, vendor) for vendor in _vendors_of(kind, vendors))
    return Section(decoded=decoded, guess=guess)
