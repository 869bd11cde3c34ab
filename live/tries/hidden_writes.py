"""What tries have in common in which system-management mode writes to a table, and KVM does not look at it well."""

from __future__ import annotations

from mmuproof.live.trial import Attempt, Emulated, Facts, LiveTry, Seen, Warned

_WHY = {
    25: "The control, whose memory is in small pages, meets finding 24 there.",
    26: "The control, in which system-management mode writes to a table, meets finding 24 there.",
}
"""Why there is none on 6.1, by finding."""


def hidden_write(
    name: str, machine: Emulated, says: str, attempt: Attempt, control: Attempt, reads: tuple[Facts, Facts]
) -> LiveTry:
    """A try of finding 25 or 26, by the number that its name begins with.

    Args:
        name: how it is called.
        machine: what it runs on.
        says: what the guest does.
        attempt: where the write goes unseen.
        control: where KVM looks at it; on 6.1 it meets finding 24.
        reads: what is seen of a guest that reads by the old entry, and by the new one.
    """
    finding = int(name.partition("-")[0])
    old, new = reads
    return LiveTry(
        name=name,
        finding=finding,
        machine=machine,
        says=says,
        attempt=attempt,
        shows=Seen(old),
        right=Seen(new),
        control=control,
        control_gives=Seen(new),
        impossible_on=("6.1",),
        why_impossible=_WHY[finding],
    )


def hanging_write(
    name: str, machine: Emulated, says: str, attempt: Attempt, control: Attempt, reads: tuple[Facts, Facts, Facts]
) -> LiveTry:
    """A try of finding 24 that goes through an L1.

    Args:
        name: how it is called.
        machine: what it runs on.
        says: what the guest does.
        attempt: where the host does not come to an end.
        control: where the write is beside the table.
        reads: what is seen before the write, of a guest that reads by the old entry, and by the new one.
    """
    before, old, new = reads
    return LiveTry(
        name=name,
        finding=24,
        machine=machine,
        says=says,
        attempt=attempt,
        shows=Seen(before, Warned("mmu_try_to_unsync_pages"), hangs=True),
        right=Seen(new),
        control=control,
        control_gives=Seen(old),
    )
