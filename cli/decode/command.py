"""The command line of `mmuproof decode`: what a user can ask for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from mmuproof.cli.shared.catalogue import Catalogue
from mmuproof.cli.shared.console import Output
from mmuproof.cli.shared.errors import UsageProblem
from mmuproof.cli.shared.naming import near
from mmuproof.cli.shared.options import (
    Command,
    Config,
    Kernel,
    ParseMemory,
    ParseSeconds,
    Results,
    Vendors,
    argument,
    option,
)
from mmuproof.cli.shared.settings import REFERENCE_MODEL
from mmuproof.model.number_kinds import NumberKind

_WIDTH = 64
_KINDS = {each.value: each for each in NumberKind}
_HELP = f"""Tell what a number says, bit by bit, by the manuals and by KVM.

VALUE is hexadecimal (0x86000001, also without 0x if it has a letter), decimal, or binary (0b101); underscores are
passed over.  What
it is is guessed and told, unless --kind says it: {", ".join(_KINDS)}.

Of an SPTE or an entry of a guest's it is told what the hardware would let through, and of a report what happened.

\b
Examples:
  mmuproof decode 0x80a0000123456b77
  mmuproof decode 0x80a0000123456b77 --vendor intel --kernel ~/linux
  mmuproof decode --kind ept-violation 0x184 0x18b
  mmuproof decode 0x1_0000_0014

\b
Exit status:
  0  it is told
  2  wrong usage, or a kernel tree that cannot be used
"""


@dataclass(frozen=True, kw_only=True)
class DecodeRequest:
    """What the user asked for.

    Raises:
        UsageProblem: a value is no number of 64 bits, there is none, or there is no such kind.
    """

    values: Annotated[tuple[str, ...], argument("VALUE")] = ()
    kind: Annotated[
        str | None,
        option(f"What the values are: {', '.join(_KINDS)}. Guessed by default.", "KIND", values=tuple(_KINDS)),
    ] = None
    vendors: Vendors = ()
    kernel: Kernel = None
    level: Annotated[
        int | None,
        option(
            "The level of the table that an entry is in, 1 for the lowest; by bit 7 by default.", "N", least=1, most=5
        ),
    ] = None
    maxphyaddr: Annotated[
        int | None, option("MAXPHYADDR of the host, in bits; 48 by default.", "N", least=32, most=52)
    ] = None
    config: Config = None
    parse_seconds: ParseSeconds = None
    parse_memory: ParseMemory = None
    json: Results = None

    def __post_init__(self) -> None:
        if not self.values:
            raise UsageProblem("decode needs a VALUE, such as 0x86000001")
        if self.config is not None and self.source is None:
            raise UsageProblem("--config goes with a --kernel: the reference model has no configuration")
        _ = self.numbers, self.asked_kind

    @property
    def source(self) -> str | None:
        """The source of a kernel tree; None for the reference model."""
        return None if self.kernel == REFERENCE_MODEL else self.kernel

    @property
    def numbers(self) -> tuple[int, ...]:
        """The values as numbers."""
        return tuple(_number(each) for each in self.values)

    @property
    def asked_kind(self) -> NumberKind | None:
        """What they are, if the user says so."""
        if self.kind is not None and self.kind not in _KINDS:
            raise UsageProblem(f"no kind of number is called {self.kind!r}{near(self.kind, _KINDS)}")
        return None if self.kind is None else _KINDS[self.kind]


def _number(text: str) -> int:
    """A value as a number.

    Raises:
        UsageProblem: it is none, or has more than 64 bits.
    """
    plain = text.replace("_", "").strip().rstrip("uUlL")
    if re.fullmatch(r"\d+", plain):
        number = int(plain)
    elif re.fullmatch(r"0[bB][01]+", plain):
        number = int(plain, 2)
    elif re.fullmatch(r"(0[xX])?[0-9a-fA-F]+", plain):
        number = int(plain, 16)
    else:
        raise UsageProblem(f"{text!r} is no number: write it as 0x86000001, or in decimal; underscores may be in it")
    if number >> _WIDTH:
        raise UsageProblem(f"{text!r} has {number.bit_length()} bits: a number has {_WIDTH} at most")
    return number


def _run(request: DecodeRequest, catalogue: Catalogue, output: Output) -> int:
    # Only now: what reads kernels takes longer to load than a mistake takes to find.
    from mmuproof.cli.decode.decode import decode

    return decode(request, catalogue, output)


DECODE = Command("decode", _HELP, DecodeRequest, _run)
