"""A description of a guest, read from a file (docs/guests.md)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mmuproof.live.descriptions import bits
from mmuproof.live.descriptions.bits import BitNames, UnknownBitError
from mmuproof.live.descriptions.description import (
    DONE,
    AccessResult,
    EntryAfter,
    GuestAccess,
    GuestAccessKind,
    GuestDescription,
    GuestMemory,
    GuestPaging,
    HostKvm,
    ResultKind,
    RunByL1,
    SecondStage,
    TableEntry,
)
from mmuproof.live.descriptions.flags import names_in
from mmuproof.live.descriptions.sense import why_senseless
from mmuproof.live.descriptions.toml_tables import DescriptionError, TomlTable
from mmuproof.live.trial import Emulated, Warned

MACHINES = {
    "amd": Emulated.AMD,
    "amd-bochs": Emulated.AMD_BOCHS,
    "intel": Emulated.INTEL,
    "intel-keys": Emulated.INTEL_KEYS,
}
"""What machines are called in a file."""

CODES = {
    ResultKind.PAGE_FAULT: bits.PAGE_FAULT,
    ResultKind.NESTED_FAULT: bits.NESTED_FAULT,
    ResultKind.EPT_VIOLATION: bits.EPT_VIOLATION,
    ResultKind.EPT_MISCONFIGURATION: bits.EPT_VIOLATION,
}
"""The names of the bits in each result's code."""

_PARAMETER_FORM = "it is no NAME=VALUE"


def read_description(path: Path) -> GuestDescription:
    """The description in a file.

    Raises:
        DescriptionError: it cannot be read, or says what no guest can be; with the file and the key.
    """
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise DescriptionError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DescriptionError(f"{path}: it is not text in UTF-8") from error
    return parsed_description(text, str(path))


def parsed_description(text: str, file: str) -> GuestDescription:
    """The description that a text is.

    Args:
        text: in TOML.
        file: what its errors name.

    Raises:
        DescriptionError: see there.
    """
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DescriptionError(f"{file}: {error}") from error
    changed = values.get("control")
    if changed is not None and not isinstance(changed, dict):
        raise DescriptionError(f"{file}: control: it is not a table")
    base = {key: value for key, value in values.items() if key != "control"}
    alone = _described(base, file)
    if changed is None:
        return alone
    # Whatever the kernel warns of, it does not warn of it there.
    unwarned = {key: value for key, value in base.items() if key != "warning"}
    control = _described(_merged(unwarned, changed), f"{file} (with control)")
    if control == replace(alone, warning=None):
        raise DescriptionError(f"{file}: control: it changes nothing")
    return replace(alone, control=control)


def _merged(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """A table with another on top of it: tables go into each other, all else takes the place of what was there."""
    result = dict(base)
    for key, value in change.items():
        old = result.get(key)
        result[key] = _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return result


def _described(values: Mapping[str, Any], file: str) -> GuestDescription:
    top = TomlTable(values, file)
    guest = top.table("guest") or TomlTable({}, file, "guest")
    l1 = _l1(top)
    found = GuestDescription(
        says=top.text("says"),
        finding=top.number_if_any("finding"),
        machines=_machines(top),
        host=_host(top),
        l1=l1,
        paging=guest.one_of("paging", GuestPaging),
        cr0=_bits(guest, "cr0", bits.CR0),
        cr4=_bits(guest, "cr4", bits.CR4),
        efer=_bits(guest, "efer", bits.EFER),
        pkru=guest.number("pkru", 0, (1 << 32) - 1),
        width=guest.number_if_any("maxphyaddr", 52),
        memory=tuple(_memory(each) for each in guest.tables("memory")),
        entries=tuple(_entry(each, bits.GUEST_ENTRY) for each in guest.tables("entry")),
        accesses=tuple(_access(each) for each in top.tables("access")),
        after=tuple(_after(each, bits.GUEST_ENTRY) for each in guest.tables("after")),
        warning=_warning(top),
        may_warn=top.flag("may_warn", False),
        cannot=top.texts("cannot"),
    )
    guest.done()
    top.done()
    wrong = why_senseless(found)
    if wrong:
        raise DescriptionError(f"{file}: {wrong[0]}: {wrong[1]}")
    return found


def _bits(table: TomlTable, name: str, names: BitNames, default: str = "") -> int:
    """Bits by name, or as a number."""
    if isinstance(table.values.get(name), int):
        return table.number(name)
    return table.read(name, table.text(name, default), names.number, UnknownBitError)


def _machines(top: TomlTable) -> tuple[Emulated, ...]:
    names = top.texts("machine")
    if not names:
        raise top.error("machine", f"it is missing; it is one or more of {', '.join(MACHINES)}")
    for name in names:
        if name not in MACHINES:
            raise top.error("machine", f"it is '{name}', and none of {', '.join(MACHINES)}")
    return tuple(MACHINES[name] for name in names)


def _host(top: TomlTable) -> HostKvm:
    host = top.table("host")
    if host is None:
        return HostKvm()
    found = HostKvm(
        tdp=host.flag("tdp", True),
        kvm=_parameters(host, "kvm"),
        vendor=_parameters(host, "vendor"),
        huge_pages=host.flag("huge_pages", False),
        needs=host.text("needs", ""),
    )
    if found.needs and not all(found.needs.partition(".")):
        raise host.error("needs", f"'{found.needs}' is no MODULE.NAME")
    host.done()
    return found


def _parameters(host: TomlTable, name: str) -> tuple[str, ...]:
    given = host.texts(name)
    for each in given:
        if not all(each.partition("=")) or any(character.isspace() for character in each):
            raise host.error(name, f"'{each}': {_PARAMETER_FORM}")
    return given


def _l1(top: TomlTable) -> RunByL1 | None:
    l1 = top.table("l1")
    if l1 is None:
        return None
    stage = l1.one_of("stage", SecondStage)
    names = names_in(stage)
    found = RunByL1(
        stage=stage,
        entries=tuple(_entry(each, names) for each in l1.tables("entry")),
        mbec=l1.flag("mbec", False),
        gmet=l1.flag("gmet", False),
        accessed_dirty=l1.flag("accessed_dirty", False),
        efer=_bits(l1, "efer", bits.EFER, "NX"),
        after=tuple(_after(each, names) for each in l1.tables("after")),
    )
    l1.done()
    return found


def _memory(table: TomlTable) -> GuestMemory:
    found = GuestMemory(table.number("at"), table.number("size"), table.flag("read_only", False))
    table.done()
    return found


def _entry(table: TomlTable, names: BitNames) -> TableEntry:
    found = TableEntry(
        of=table.number("of"),
        level=table.number("level", most=5),
        to=table.number_if_any("to"),
        bits=_bits(table, "bits", names),
    )
    table.done()
    return found


def _after(table: TomlTable, names: BitNames) -> EntryAfter:
    flags = names.number("A D")
    found = EntryAfter(
        of=table.number("of"),
        level=table.number("level", most=5),
        bits=_bits(table, "bits", names),
        mask=_bits(table, "mask", names, "A D"),
    )
    if (found.bits | found.mask) & ~flags:
        raise table.error("bits", "only A and D are looked at")
    table.done()
    return found


def _access(table: TomlTable) -> GuestAccess:
    by = table.text("by", "supervisor")
    if by not in ("user", "supervisor"):
        raise table.error("by", f"it is '{by}', and none of user, supervisor")
    found = GuestAccess(
        kind=table.one_of("do", GuestAccessKind),
        address=table.number("at"),
        user=by == "user",
        alignment_check=table.flag("ac", False),
        right=_result(table, "right") or DONE,
        shows=_result(table, "shows"),
    )
    table.done()
    return found


def _result(access: TomlTable, name: str) -> AccessResult | None:
    if not access.has(name):
        access.asked.add(name)
        return None
    if isinstance(access.values[name], str):
        return AccessResult(kind=access.one_of(name, ResultKind))
    table = access.table(name)
    assert table is not None
    kind = table.one_of("is", ResultKind)
    given = table.has("code")
    if given and kind not in CODES:
        raise table.error("code", f"there is no such thing of '{kind.value}'")
    found = AccessResult(
        kind=kind,
        code=_bits(table, "code", CODES[kind]) if given else None,
        mask=table.number_if_any("mask"),
        address=table.number_if_any("address"),
        frame=table.number_if_any("frame"),
    )
    table.asked.add("code")
    table.done()
    return found


def _warning(top: TomlTable) -> Warned | None:
    table = top.table("warning")
    if table is None or not table.values:
        return None
    found = Warned(table.text("function"), table.text("text", ""), table.text("through", ""))
    table.done()
    return found
