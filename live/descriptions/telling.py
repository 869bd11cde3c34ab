"""What came of a described guest, beside what should, line by line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mmuproof.live.console import Observed
from mmuproof.live.descriptions.description import GuestDescription
from mmuproof.live.descriptions.flags import told_flags
from mmuproof.live.descriptions.results import came, told_result


def told_accesses(described: GuestDescription, attempts: Mapping[str, Observed]) -> Iterator[str]:
    """Each access: what is right, what shows, and what came.

    Args:
        described: the guest.
        attempts: by the name of a kernel, what the guest has shown there.
    """
    yield from (f"  no guest can set: {said}" for said in described.cannot)
    for number, access in enumerate(described.accesses, start=1):
        who = "user" if access.user else "supervisor" + ", AC" * access.alignment_check
        yield f"  {number}. {access.kind.value} {access.address:#x}, {who}"
        yield f"       right  {told_result(access.right)}"
        if access.shows:
            yield f"       shows  {told_result(access.shows)}"
        for kernel, shown in attempts.items():
            yield f"       came   {came(described, number, shown.facts)}  ({kernel})"
    yield from told_flags(described, {kernel: shown.facts for kernel, shown in attempts.items()})
    for kernel, shown in attempts.items():
        yield from (f"  WARN in {warning.function}()  ({kernel})" for warning in shown.warnings)
