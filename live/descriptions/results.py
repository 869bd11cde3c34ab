"""What accesses should come to, as facts of the console; and what they came to, in words."""

from __future__ import annotations

from mmuproof.live.descriptions import bits
from mmuproof.live.descriptions.bits import BitNames
from mmuproof.live.descriptions.description import (
    AccessResult,
    GuestAccess,
    GuestAccessKind,
    GuestDescription,
    ResultKind,
    SecondStage,
)
from mmuproof.live.descriptions.layout import marker
from mmuproof.live.descriptions.making import WRITTEN, label_of, written_fact
from mmuproof.live.guests import svm, vmx
from mmuproof.live.guests.paging import SECRET
from mmuproof.live.trial import Expected, ExpectedFact, Facts, OneOf, SomeBits

_BREAKPOINT, _PROTECTION, _PAGE_FAULT = 3, 13, 14
_HALTED, _WITHOUT_END = "hlt", "endless"
_SVM_EXCEPTION = 0x40
#: QEMU tells INT3 as a software interrupt; a processor tells the exception.
_ENDED_BY_NPT = OneOf((svm.EXIT_SOFTWARE_INTERRUPT, _SVM_EXCEPTION | _BREAKPOINT))
_VALID, _HARDWARE, _SOFTWARE, _WITH_CODE = 1 << 31, 3 << 8, 6 << 8, 1 << 11
_LOW_HALF = (1 << 32) - 1


def expected_facts(guest: GuestDescription, number: int, result: AccessResult) -> Expected:
    """The facts of an access that comes to a result.

    Args:
        guest: whose.
        number: of the access, from 1 on.
        result: what it comes to.
    """
    access = guest.accesses[number - 1]
    if result.kind is ResultKind.ENDLESS:
        return {f"{label_of(number)}.stop": _WITHOUT_END}
    facts: dict[str, ExpectedFact] = {"stop": _HALTED}
    if guest.l1 is None:
        facts |= _bare(result)
    elif guest.l1.stage is SecondStage.NPT:
        facts |= _by_npt(result)
    else:
        facts |= _by_ept(result)
    if result.kind is ResultKind.MMIO:
        does = "write" if access.kind in (GuestAccessKind.WRITE, GuestAccessKind.INS) else "read"
        facts["event0"] = f"mmio-{does}:{result.address:#x}"
    found = {f"{label_of(number)}.{name}": value for name, value in facts.items()}
    return found if result.frame is None else {**found, **_reaching(number, access, result.frame)}


def _reaching(number: int, access: GuestAccess, frame: int) -> Expected:
    label, offset = label_of(number), access.address & 7
    if access.kind is GuestAccessKind.READ:
        return {f"{label}.rbx": marker(frame) >> 8 * offset & _LOW_HALF}
    if access.kind is GuestAccessKind.OUTS:
        return {f"{label}.event0": f"io-out:0x80:{marker(frame) >> 8 * offset & 0xFF:#x}"}
    if access.kind is GuestAccessKind.WRITE:
        return {written_fact(number, frame): SomeBits(_LOW_HALF << 8 * offset, WRITTEN << 8 * offset)}
    if access.kind is GuestAccessKind.INS:
        return {written_fact(number, frame): SomeBits(0xFF << 8 * offset, 0)}
    return {}


def _some(result: AccessResult) -> int | SomeBits | None:
    if result.code is None or result.mask is None:
        return result.code
    return SomeBits(result.mask, result.code & result.mask)


def _given(**facts: ExpectedFact | None) -> dict[str, ExpectedFact]:
    return {name: value for name, value in facts.items() if value is not None}


def _bare(result: AccessResult) -> dict[str, ExpectedFact]:
    if result.kind is ResultKind.PAGE_FAULT:
        return _given(fault=_PAGE_FAULT, error_code=_some(result))
    return _given(fault=_PROTECTION if result.kind is ResultKind.PROTECTION else _BREAKPOINT)


def _by_npt(result: AccessResult) -> dict[str, ExpectedFact]:
    if result.kind is ResultKind.NESTED_FAULT:
        return _given(exit=svm.EXIT_NPF, info1=_some(result), info2=result.address)
    if result.kind is ResultKind.PAGE_FAULT:
        return _given(exit=svm.EXIT_PAGE_FAULT, info1=_some(result))
    if result.kind is ResultKind.PROTECTION:
        return _given(exit=_SVM_EXCEPTION | _PROTECTION)
    return _given(exit=_ENDED_BY_NPT)


def _by_ept(result: AccessResult) -> dict[str, ExpectedFact]:
    if result.kind is ResultKind.EPT_VIOLATION:
        return _given(exit=vmx.EXIT_EPT_VIOLATION, qualification=_some(result), gpa=result.address)
    if result.kind is ResultKind.EPT_MISCONFIGURATION:
        return _given(exit=vmx.EXIT_EPT_MISCONFIGURATION, qualification=_some(result), gpa=result.address)
    code: int | SomeBits | None = None
    if result.kind is ResultKind.PAGE_FAULT:
        interruption, code = _PAGE_FAULT | _HARDWARE | _WITH_CODE, _some(result)
    elif result.kind is ResultKind.PROTECTION:
        interruption = _PROTECTION | _HARDWARE | _WITH_CODE
    else:
        interruption = _BREAKPOINT | _SOFTWARE
    return _given(exit=vmx.EXIT_EXCEPTION, interruption=interruption | _VALID, interruption_code=code)


def told_result(result: AccessResult) -> str:
    """A result in words."""
    words = [result.kind.value]
    names = {
        ResultKind.PAGE_FAULT: bits.PAGE_FAULT,
        ResultKind.NESTED_FAULT: bits.NESTED_FAULT,
        ResultKind.EPT_VIOLATION: bits.EPT_VIOLATION,
    }.get(result.kind)
    if result.code is not None:
        words.append(_code(result.code if result.mask is None else result.code & result.mask, names))
    if result.mask is not None:
        words.append(f"in the bits {result.mask:#x}")
    if result.address is not None:
        words.append(f"of {result.address:#x}")
    if result.frame is not None:
        words.append(f"in {result.frame:#x}")
    return " ".join(words)


def _code(code: int, names: BitNames | None) -> str:
    return f"{code:#x}" + (f" ({names.text(code)})" if names and code else "")


def came(guest: GuestDescription, number: int, facts: Facts) -> str:
    """What an access came to, in words."""
    label = label_of(number)
    mine = {name.removeprefix(f"{label}."): value for name, value in facts.items() if name.startswith(f"{label}.")}
    if "stop" not in mine:
        return "nothing: it was not made"
    if mine["stop"] == _WITHOUT_END:
        return ResultKind.ENDLESS.value
    if mine["stop"] != _HALTED:
        return f"the VM stopped: {mine['stop']}"
    if guest.l1 is None:
        said = _came_bare(mine)
    elif guest.l1.stage is SecondStage.NPT:
        said = _came_by_npt(mine)
    else:
        said = _came_by_ept(mine)
    events = [str(value) for name, value in sorted(mine.items()) if name.startswith("event")]
    reached = "" if said != ResultKind.DONE.value else _reached(guest.accesses[number - 1], mine)
    return "; ".join((said + reached, *events))


def _reached(access: GuestAccess, mine: Facts) -> str:
    rbx = mine.get("rbx")
    if access.kind is not GuestAccessKind.READ or not isinstance(rbx, int):
        return ""
    return f", {rbx:#x} was read" + " (the guest's own)" * (rbx == SECRET)


def _number(mine: Facts, name: str) -> int:
    value = mine.get(name)
    return value if isinstance(value, int) else 0


def _exception(vector: int, code: int) -> str:
    if vector == _BREAKPOINT:
        return ResultKind.DONE.value
    if vector == _PAGE_FAULT:
        return told_result(AccessResult(kind=ResultKind.PAGE_FAULT, code=code))
    return ResultKind.PROTECTION.value if vector == _PROTECTION else f"exception {vector}"


def _came_bare(mine: Facts) -> str:
    fault = mine.get("fault")
    if not isinstance(fault, int):
        return f"a halt at {_number(mine, 'rip'):#x}"
    return _exception(fault, _number(mine, "error_code"))


def _came_by_npt(mine: Facts) -> str:
    left, info = _number(mine, "exit"), _number(mine, "info1")
    if left == svm.EXIT_NPF:
        kind = ResultKind.NESTED_FAULT
        return told_result(AccessResult(kind=kind, code=info, address=_number(mine, "info2")))
    if left in _ENDED_BY_NPT.values:
        return ResultKind.DONE.value
    return _exception(left & 0x1F, info) if left & ~0x1F == _SVM_EXCEPTION else f"an exit of {left:#x}"


def _came_by_ept(mine: Facts) -> str:
    left = _number(mine, "exit")
    kinds = {
        vmx.EXIT_EPT_VIOLATION: ResultKind.EPT_VIOLATION,
        vmx.EXIT_EPT_MISCONFIGURATION: ResultKind.EPT_MISCONFIGURATION,
    }
    if left in kinds:
        qualification, gpa = _number(mine, "qualification"), _number(mine, "gpa")
        return told_result(AccessResult(kind=kinds[left], code=qualification, address=gpa))
    if left == vmx.EXIT_EXCEPTION:
        return _exception(_number(mine, "interruption") & 0xFF, _number(mine, "interruption_code"))
    return f"an exit of {left}"
