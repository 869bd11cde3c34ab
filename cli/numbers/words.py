"""What happened, or what is on, in words: asked of `mmuproof.spec` for a word that is no entry."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.number_kinds import NumberKind
from mmuproof.smt.graph import evaluate
from mmuproof.smt.terms import Bool, boolean, bv
from mmuproof.spec import ept, page_fault, vmx_controls
from mmuproof.spec.access import Access
from mmuproof.spec.ept import EptPermissions
from mmuproof.spec.ept_violation import EPT_VIOLATION
from mmuproof.spec.nested_page_fault import NESTED_PAGE_FAULT


def words_of(kind: NumberKind, number: int) -> tuple[str, ...]:
    """What a word says as a whole, each in a sentence without its end."""
    if kind is NumberKind.EPT_VIOLATION:
        return tuple(_ept_violation(number))
    if kind is NumberKind.EXIT_INFO_1:
        return tuple(_nested_page_fault(number))
    if kind is NumberKind.ERROR_CODE:
        return tuple(_page_fault(number))
    if kind is NumberKind.PRIMARY_CONTROLS:
        return tuple(_primary_controls(number))
    if kind is NumberKind.SECONDARY_CONTROLS:
        return tuple(_secondary_controls(number))
    return ()


def _ept_violation(number: int) -> Iterator[str]:
    def has(name: str) -> bool:
        return bool(number >> EPT_VIOLATION.bit_of(name) & 1)

    access = Access(*(boolean(has(name)) for name in ("data-read", "data-write", "fetch")))
    done = [word for name, word in (("data-read", "read"), ("data-write", "write"), ("fetch", "fetch")) if has(name)]
    if not done:
        yield "no access is told"
    else:
        where = "the translation of a linear address" if has("final") else "a guest paging structure"
        yield f"{_joined(done)} of {where if has('linear-address-valid') else 'an address that is not linear'}"
    granted = EptPermissions(
        *(boolean(has(name)) for name in ("readable", "writable", "executable", "user-executable"))
    )
    if not any(has(name) for name in ("readable", "writable", "executable", "user-executable")):
        yield "the entries used grant nothing: one is not present, or together they allow no access"
    elif done:
        yield from _by_permissions(granted, access, fetch=has("fetch"))


def _by_permissions(granted: EptPermissions, access: Access, *, fetch: bool) -> Iterator[str]:
    """What the permissions say of the access; a fetch is judged by the address's mode if MBEC is on."""

    def denied(mbec: bool, user: bool) -> bool:
        return not _holds(ept.allows(granted, access, mbec=boolean(mbec), user_mode_address=boolean(user)))

    judged = {"MBEC off": denied(False, False)}
    if fetch:
        judged["MBEC on, supervisor-mode address"] = denied(True, False)
        judged["MBEC on, user-mode address"] = denied(True, True)
    if len(set(judged.values())) == 1:
        yield f"the permissions of these entries {'deny' if judged['MBEC off'] else 'allow'} it"
        return
    for setting, is_denied in judged.items():
        yield f"{setting}: the permissions of these entries {'deny' if is_denied else 'allow'} it"


def _nested_page_fault(number: int) -> Iterator[str]:
    def has(name: str) -> bool:
        return bool(number >> NESTED_PAGE_FAULT.bit_of(name) & 1)

    yield f"{_access(write=has('write'), fetch=has('fetch'))}, {'user' if has('user') else 'supervisor'} access"
    stages = [name for name in ("final", "guest-page-table") if has(name)]
    if len(stages) == 1:
        yield "in the final translation" if has("final") else "on the page of a guest page-table entry"
    else:
        yield "hardware says of each nested page fault whether it was in the final translation (bits 32, 33)"
    yield _cause(present=has("present"), reserved=has("reserved"))


def _page_fault(number: int) -> Iterator[str]:
    def has(flag: int) -> bool:
        return bool(number >> flag & 1)

    mode = "user" if has(page_fault.USER_FLAG) else "supervisor"
    access = _access(write=has(page_fault.WRITE_FLAG), fetch=has(page_fault.INSTRUCTION_FLAG))
    yield f"{access}, {mode}-mode access"
    yield _cause(present=has(page_fault.PRESENT_FLAG), reserved=has(page_fault.RESERVED_FLAG))


def _primary_controls(number: int) -> Iterator[str]:
    active = bool(number >> vmx_controls.ACTIVATE_SECONDARY_BIT & 1)
    without = "as good as 0: no EPT, and no mode-based execute control"
    yield f"the secondary controls are {'in force' if active else without}"
    clear = [str(each) for each in vmx_controls.ALWAYS_ONE if not number >> each & 1]
    if clear:
        yield f"VM entry fails: reserved bits that have to be 1 are clear: {', '.join(clear)}"


def _secondary_controls(number: int) -> Iterator[str]:
    secondary, primary = bv(number & 0xFFFF_FFFF, 32), bv(1 << vmx_controls.ACTIVATE_SECONDARY_BIT, 32)
    on = _holds(vmx_controls.mode_based_execute_control(primary, secondary))
    yield f"mode-based execute control is {'on: XS and XU are told apart' if on else 'off'}"
    if _holds(vmx_controls.mbec_without_ept(primary, secondary)):
        yield "VM entry fails: mode-based execute control is on, and EPT is off"


def _access(*, write: bool, fetch: bool) -> str:
    if write and fetch:
        return "write and fetch, which no access is together"
    return "write" if write else "fetch" if fetch else "read"


def _cause(*, present: bool, reserved: bool) -> str:
    if reserved:
        return "a reserved bit is set in an entry" if present else "a reserved bit of an entry that is not present"
    return "the entries used are present, and deny it" if present else "an entry is not present"


def _joined(words: list[str]) -> str:
    return " and ".join(words)


def _holds(claim: Bool) -> bool:
    return bool(evaluate(claim, {}))
