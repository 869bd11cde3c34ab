"""What numbers say, for a reader and for a machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mmuproof.cli.numbers.decoded import Decoded, clear_bits, decoded_content
from mmuproof.cli.numbers.guesses import Guess
from mmuproof.cli.numbers.hardware import Passage
from mmuproof.cli.numbers.layout import BitPart, Layout, boundaries, span
from mmuproof.cli.shared.console import Output
from mmuproof.cli.shared.results import KernelIdentity
from mmuproof.cli.telling.results_file import heading, kernel_content
from mmuproof.model.number_kinds import NumberKind

_TITLES = {
    NumberKind.SPTE: "an SPTE",
    NumberKind.GUEST_ENTRY: "an entry of a guest's tables",
    NumberKind.EPT_VIOLATION: "the exit qualification of an EPT violation",
    NumberKind.EXIT_INFO_1: "EXITINFO1 of a nested page fault",
    NumberKind.ERROR_CODE: "the error code of a page fault",
    NumberKind.ROLE: "a role",
    NumberKind.PRIMARY_CONTROLS: "primary VM-execution controls",
    NumberKind.SECONDARY_CONTROLS: "secondary VM-execution controls",
    NumberKind.TERTIARY_CONTROLS: "tertiary VM-execution controls",
}
_GAP = "  "
_WIDTH = 110


@dataclass(frozen=True)
class Section:
    """A number taken for something: what it says by vendor, and the guess, if it is one."""

    decoded: tuple[Decoded, ...]
    guess: Guess | None


@dataclass(frozen=True)
class ToldNumber:
    """A number, what it may be, the likeliest first, and what it may be as well."""

    number: int
    sections: tuple[Section, ...]
    others: tuple[Guess, ...]


@dataclass(frozen=True)
class ToldNumbers:
    """All numbers, by one kernel's names."""

    kernel: KernelIdentity
    numbers: tuple[ToldNumber, ...]


def print_numbers(output: Output, told: ToldNumbers) -> None:
    """Print a whole run."""
    for number in told.numbers:
        for place, section in enumerate(number.sections):
            _print_section(output, number, section, place)
        for each in number.others:
            output.line(f"It may also be {_TITLES[each.kind]}: {each.why}  (--kind {each.kind.value})")
        if number.others:
            output.line()
    output.line(f"KVM's names are those of {told.kernel.judged}.")


def _print_section(output: Output, number: ToldNumber, section: Section, place: int) -> None:
    first, guess = section.decoded[0], section.guess
    title = _TITLES[first.kind]
    if guess is not None:
        title = f"{'probably' if not place else 'or perhaps'} {title}: {guess.why}"
    output.line((f"{number.number:#x}", "bold"), f"  {title}")
    for each in section.decoded:
        vendor = f"{each.vendor.value}  " if each.vendor is not None else ""
        output.line(f"  {vendor}", (each.summary, "bold"))
        for word in each.words:
            output.line(f"    {word}")
    if first.supposed:
        output.line((f"  Taken for an entry of {first.supposed}.", "dim"))
    output.line()
    for line in _table(section.decoded):
        output.line(f"  {line}")
    output.line()
    rows = [_passage_lines(each) for each in section.decoded]
    if any(rows):
        output.line("  What the hardware lets through, as far as this entry is concerned:")
        for decoded, cells in zip(section.decoded, rows, strict=True):
            for line in cells:
                name = decoded.vendor.value if decoded.vendor is not None else ""
                output.line(f"    {name:<8}{line}")
        output.line()


def _table(decoded: Sequence[Decoded]) -> list[str]:
    """The bits that are set, each with what the vendors call it; then those that are clear and could be set."""
    pieces = boundaries([_as_layout(each) for each in decoded])
    number = decoded[0].number
    rows = [["bits", "value", *(_heading(each) for each in decoded)]]
    for low, high in pieces:
        value = number >> low & (1 << high - low + 1) - 1
        if value:
            told = f"{value:#x}" if high > low else "1"
            rows.append([span(low, high), told, *(_cell(each, low, high) for each in decoded)])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [_GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    for each in decoded:
        name = f"{each.vendor.value}, " if each.vendor is not None and len(decoded) > 1 else ""
        lines += _wrapped(f"{name}clear: ", clear_bits(each.rows))
    return lines


def _as_layout(decoded: Decoded) -> Layout:
    return Layout(decoded.title, tuple(BitPart(row.low, row.high, row.hardware) for row in decoded.rows))


def _heading(decoded: Decoded) -> str:
    name = decoded.title.partition(" (")[0]
    return f"{decoded.vendor.value}: {name}" if decoded.vendor is not None else name


def _cell(decoded: Decoded, low: int, high: int) -> str:
    """What the bits are called; of a field that is cut by another vendor's also where it is and what it holds."""
    row = next(each for each in decoded.rows if each.low <= low <= each.high)
    called = _called(row.hardware, row.kernel)
    return called if (row.low, row.high) == (low, high) else f"{called} ({span(row.low, row.high)} = {row.value:#x})"


def _called(hardware: str, kernel: str) -> str:
    """Both names, the manual's first; one if they are the same or there is no other."""
    if not kernel or hardware == kernel:
        return hardware or "no name"
    return f"{hardware} · {kernel}" if hardware else kernel


def _wrapped(first: str, names: Sequence[str]) -> list[str]:
    lines = [first] if names else []
    for place, name in enumerate(names):
        text = name if place == len(names) - 1 else f"{name},"
        if len(lines[-1]) + len(text) > _WIDTH and lines[-1].strip():
            lines.append(" " * len(first))
        lines[-1] = f"{lines[-1]}{text} "
    return [line.rstrip() for line in lines]


def _passage_lines(decoded: Decoded) -> list[str]:
    """One line a setting, or one for all if they come to the same."""
    settings: dict[str, list[Passage]] = {}
    for each in decoded.passages:
        settings.setdefault(each.setting, []).append(each)
    if decoded.passages and len({each.instead for each in decoded.passages}) == 1 and decoded.passages[0].instead:
        return [f"nothing ({decoded.passages[0].instead})"]
    width = max((len(each) for each in settings), default=0)
    lines = []
    for setting, found in settings.items():
        if len({(each.allowed, each.instead) for each in found}) == 1:
            lines.append(f"{setting:<{width}}  {_allowed(found[0])}")
        else:
            lines.append(f"{setting:<{width}}  " + "; ".join(f"{each.who}: {_allowed(each)}" for each in found))
    return lines


def _allowed(outcome: Passage) -> str:
    return outcome.instead or " ".join(outcome.allowed) or "nothing"


def numbers_content(told: ToldNumbers) -> dict[str, object]:
    """What the results file says."""
    return {
        **heading("decode"),
        "kernel": kernel_content(told.kernel),
        "numbers": [
            {
                "value": f"{each.number:#x}",
                "readings": [
                    {
                        "kind": section.decoded[0].kind.value,
                        "guessed_by": None if section.guess is None else section.guess.why,
                        "by_vendor": [decoded_content(one) for one in section.decoded],
                    }
                    for section in each.sections
                ],
                "other_kinds": [{"kind": guess.kind.value, "guessed_by": guess.why} for guess in each.others],
            }
            for each in told.numbers
        ],
    }
