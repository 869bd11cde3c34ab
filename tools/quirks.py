"""What emulators are known to do otherwise than the manuals say.

The manual decides in each case: SDM volume 3, 5.6 (protection keys), 5.7 (error codes), table 30-7 (exit
qualification) and its first footnote; APM volume 2, 8.4.2 (error codes), 15.25.6 (EXITINFO1).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from mmuproof.live.descriptions import bits
from mmuproof.live.descriptions.description import ResultKind
from mmuproof.live.trial import Emulated

_PRESENT, _WRITE, _USER, _RESERVED, _KEY = (bits.PAGE_FAULT.number(name) for name in ("P", "W", "U", "RSVD", "PK"))
_USER_EXECUTE, _SHADOW_STACK, _READS, _WRITES, _FINAL = (
    bits.EPT_VIOLATION.number(name) for name in ("XU", "SS", "READ", "WRITE", "FINAL")
)


@dataclass(frozen=True)
class CameTo:
    """What an access came to or should come to, as far as quirks ask.

    Args:
        kind: in words.
        code: None if there is none.
        mask: the bits of it that count.
    """

    kind: str
    code: int | None
    mask: int

    def has(self, flag: int) -> bool:
        """Whether the code has a bit."""
        return self.code is not None and bool(self.code & flag)

    def tells(self, code: int, right: CameTo) -> bool:
        """Whether this is a code instead of what is right, in the bits that count."""
        return self.kind == right.kind and self.code is not None and self.code & right.mask == code & right.mask


@dataclass(frozen=True)
class Quirk:
    """Something that an emulator is known to do otherwise than the manuals say.

    Args:
        machine: whose.
        says: what it does.
        is_so: whether a difference is one, by what is right and what came.
        kinds: what is right then.
    """

    machine: Emulated
    says: str
    is_so: Callable[[CameTo, CameTo], bool]
    kinds: tuple[ResultKind, ...] = (ResultKind.PAGE_FAULT,)

    @property
    def of_second_stage(self) -> bool:
        """Whether it is of what a processor tells an L1; where KVM is in between, it is KVM that tells it."""
        return bool(set(self.kinds) & {ResultKind.NESTED_FAULT, ResultKind.EPT_VIOLATION})


def _lacks_present(right: CameTo, came: CameTo) -> bool:
    return right.has(_RESERVED) and came.tells((right.code or 0) & ~_PRESENT, right)


def _tells_user_execute_elsewhere(right: CameTo, came: CameTo) -> bool:
    return right.has(_USER_EXECUTE) and came.tells(_user_execute_elsewhere(right.code or 0), right)


def _user_execute_elsewhere(code: int) -> int:
    return code & ~_USER_EXECUTE | _SHADOW_STACK * bool(code & _USER_EXECUTE)


def _tells_no_read_of_table(right: CameTo, came: CameTo) -> bool:
    if not (right.has(_READS) and right.has(_WRITES)) or right.has(_FINAL):
        return False
    told = (right.code or 0) & ~_READS
    return any(came.tells(code, right) for code in (told, _user_execute_elsewhere(told)))


QUIRKS = (
    Quirk(Emulated.AMD, "RSVD without P, as QEMU's own walk is known to tell it", _lacks_present),
    Quirk(
        Emulated.INTEL,
        "PK at an address that an entry above the last keeps from users, as Bochs is known to tell it",
        lambda right, came: not right.has(_KEY) and came.tells((right.code or 0) | _KEY, right),
    ),
    Quirk(
        Emulated.INTEL,
        "a supervisor's write denied by the key of a page that an entry above the last keeps from users, as Bochs does",
        lambda right, came: came.code == _PRESENT | _WRITE | _KEY,
        (ResultKind.DONE,),
    ),
    Quirk(
        Emulated.INTEL,
        "a supervisor's access that only a protection key denies, which Bochs is known to let through",
        lambda right, came: right.has(_KEY) and not right.has(_USER) and came.kind == ResultKind.DONE.value,
    ),
    Quirk(
        Emulated.AMD,
        "RSVD without P of a nested page table, as QEMU's own walk is known to tell it",
        _lacks_present,
        (ResultKind.NESTED_FAULT,),
    ),
    Quirk(
        Emulated.INTEL,
        "XU of EPT in the exit qualification's bit 13, as Bochs is known to tell it; its place is bit 6",
        _tells_user_execute_elsewhere,
        (ResultKind.EPT_VIOLATION,),
    ),
    Quirk(
        Emulated.INTEL,
        "a table that EPT with accessed and dirty flags denies, told as a write and not as a read too, as Bochs does",
        _tells_no_read_of_table,
        (ResultKind.EPT_VIOLATION,),
    ),
)


def quirk_of(machine: Emulated, right: str, what: str, *, without_kvm: bool = False) -> Quirk | None:
    """What an emulator is known to do, if that is what came in the place of what is right."""
    said, told = _came_to(right), _came_to(what)
    for each in QUIRKS:
        fits_kind = each.machine is machine and said.kind in {kind.value for kind in each.kinds}
        if fits_kind and (without_kvm or not each.of_second_stage) and each.is_so(said, told):
            return each
    return None


def _came_to(text: str) -> CameTo:
    found = re.match(r"(?P<kind>[A-Za-z ]+?)(?: (?P<code>0x[0-9a-f]+)|,|$)", text)
    mask = re.search(r"in the bits (0x[0-9a-f]+)", text)
    assert found is not None
    code = found["code"]
    return CameTo(found["kind"], int(code, 16) if code else None, int(mask[1], 16) if mask else -1)
