"""Calls that the machine itself gives a meaning: the kernel's assertions and the compiler's built-ins."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mmuproof.lift import syntax
from mmuproof.lift.c_types import IntType
from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.findings import CheckKind
from mmuproof.lift.machine.state import State
from mmuproof.lift.machine.statements import Statements
from mmuproof.lift.machine.values import Place, Pointer, Value, as_int, as_pointer, truth
from mmuproof.lift.tree.overlay import BUG_CALL, BUILD_BUG_CALL, WARN_CALL
from mmuproof.smt.terms import FALSE, TRUE, BitVec, all_of, bv, concat, extract, ite, ne, negate, resize, to_bv, ult

Intrinsic = Callable[[Statements, syntax.Call, State], Value | None]


def _integer(machine: Statements, expr: syntax.Expr, state: State) -> BitVec:
    value = machine._value(expr, state)
    if isinstance(value, Pointer):
        raise Refused("a pointer where an integer is meant", str(expr.at))
    return value


def _warn(machine: Statements, expr: syntax.Call, state: State) -> Value:
    fires = truth(machine._value(expr.arguments[0], state))
    machine._require(CheckKind.WARN, negate(fires), state, expr.at)
    return as_int(fires)


def _bug(machine: Statements, expr: syntax.Call, state: State) -> None:
    fires = truth(machine._value(expr.arguments[0], state))
    machine._require(CheckKind.BUG, negate(fires), state, expr.at)
    state.guard = all_of(state.guard, negate(fires))


def _build_bug(machine: Statements, expr: syntax.Call, state: State) -> None:
    fires = truth(machine._value(expr.arguments[0], state))
    machine._require(CheckKind.BUILD, negate(fires), state, expr.at)


def _unreachable(machine: Statements, expr: syntax.Call, state: State) -> None:
    machine._require(CheckKind.BUG, FALSE, state, expr.at)
    state.guard = FALSE


def _expect(machine: Statements, expr: syntax.Call, state: State) -> Value:
    return machine._value(expr.arguments[0], state)


def _is_constant(machine: Statements, expr: syntax.Call, state: State) -> Value:
    # The argument is not evaluated; both answers are right, since the compiler may give either.
    return as_int(TRUE if isinstance(expr.arguments[0], syntax.Constant) else FALSE)


def _count_ones(machine: Statements, expr: syntax.Call, state: State) -> BitVec:
    value = _integer(machine, expr.arguments[0], state)
    total = bv(0, 32)
    for index in range(value.width):
        total = total + resize(extract(value, index, index), 32)
    return total


def _hamming_weight(machine: Statements, expr: syntax.Call, state: State) -> Value:
    # The kernel's own population count is an instruction in inline assembly, whose result is as wide as declared.
    if not isinstance(expr.type, IntType):
        raise Refused("a population count of another type", str(expr.at))
    return resize(_count_ones(machine, expr, state), expr.type.bits)


def _trailing_zeros(machine: Statements, expr: syntax.Call, state: State) -> Value:
    value = _integer(machine, expr.arguments[0], state)
    machine._require(CheckKind.SHIFT, ne(value, 0), state, expr.at, "a bit is searched in zero")
    return _first_one(value, range(value.width - 1, -1, -1), bias=0)


def _find_first(machine: Statements, expr: syntax.Call, state: State) -> Value:
    value = _integer(machine, expr.arguments[0], state)
    return _first_one(value, range(value.width - 1, -1, -1), bias=1)


def _leading_zeros(machine: Statements, expr: syntax.Call, state: State) -> Value:
    value = _integer(machine, expr.arguments[0], state)
    machine._require(CheckKind.SHIFT, ne(value, 0), state, expr.at, "a bit is searched in zero")
    return bv(value.width - 1, 32) - _first_one(value, range(value.width), bias=0)


def _first_one(value: BitVec, positions: range, bias: int) -> BitVec:
    """The last of ``positions`` that holds a 1, plus ``bias``; 0 if there is none."""
    result = bv(0, 32)
    for index in positions:
        result = ite(ne(extract(value, index, index), 0), bv(index + bias, 32), result)
    return result


def _swap_bytes(machine: Statements, expr: syntax.Call, state: State) -> Value:
    value = _integer(machine, expr.arguments[0], state)
    return concat(*(extract(value, low + 7, low) for low in range(0, value.width, 8)))


def _size(machine: Statements, expr: syntax.Call, state: State) -> int:
    size = _integer(machine, expr.arguments[2], state)
    if not size.is_const:
        raise Refused("a memory operation of unknown size", str(expr.at))
    return size.value * 8


def _whole(machine: Statements, pointer: Value, bits: int, state: State, expr: syntax.Call) -> Place | None:
    found = as_pointer(pointer)
    if found is None:
        raise Refused("a number is followed as a pointer", str(expr.at))
    places = machine._follow(found, state, expr.at)
    if not places:
        return None
    if len(places) > 1 or places[0][1].dimensions:
        raise Refused("a memory operation at an unknown place", str(expr.at))
    return places[0][1]


def _fill(machine: Statements, expr: syntax.Call, state: State) -> Value:
    pointer = machine._value(expr.arguments[0], state)
    byte = extract(_integer(machine, expr.arguments[1], state), 7, 0)
    bits = _size(machine, expr, state)
    place = _whole(machine, pointer, bits, state, expr) if bits else None
    if place is not None:
        for distance in range(0, bits, 64):
            width = min(64, bits - distance)
            word = concat(*[byte] * (width // 8))
            machine._write([(TRUE, place.moved(distance))], width, word, state, expr.at)
    return pointer


def _copy(machine: Statements, expr: syntax.Call, state: State) -> Value:
    pointer, source = (machine._value(each, state) for each in expr.arguments[:2])
    bits = _size(machine, expr, state)
    if bits:
        places = [_whole(machine, each, bits, state, expr) for each in (pointer, source)]
        if places[0] is not None and places[1] is not None:
            machine._transfer(places[1], places[0], bits, state, expr.at)
    return pointer


def _lowest_bit(machine: Statements, expr: syntax.Call, state: State) -> Value:
    value = _trailing_zeros(machine, expr, state)
    assert isinstance(value, BitVec)
    return resize(value, 64)


def _clear_bit(machine: Statements, expr: syntax.Call, state: State) -> Value:
    """The bit that was there; only words that are one object of 64 bits are understood."""
    number = resize(_integer(machine, expr.arguments[0], state), 64)
    places = machine._follow(machine._value(expr.arguments[1], state), state, expr.at)
    machine._require(CheckKind.INDEX, ult(number, 64), state, expr.at, "a bit outside the word is cleared")
    word = machine._read(places, 64, IntType(64, False, "unsigned long"), state, expr.at)
    if isinstance(word, Pointer):
        raise Refused("a bit of a pointer is cleared", str(expr.at))
    bit = bv(1, 64) << number
    machine._write(places, 64, word & ~bit, state, expr.at)
    return to_bv(ne(word & bit, 0), 8)


#: Function -> what it means.
INTRINSICS: Mapping[str, Intrinsic] = {
    WARN_CALL: _warn,
    BUG_CALL: _bug,
    BUILD_BUG_CALL: _build_bug,
    "__builtin_unreachable": _unreachable,
    "__builtin_trap": _unreachable,
    "__builtin_expect": _expect,
    # The kernel's inline assembly for single bits; the machine runs one thread.
    "variable__ffs": _lowest_bit,
    "variable_ffs": _find_first,
    **dict.fromkeys(("arch_clear_bit", "arch_test_and_clear_bit"), _clear_bit),
    "__builtin_constant_p": _is_constant,
    **dict.fromkeys((f"__builtin_popcount{suffix}" for suffix in ("", "l", "ll")), _count_ones),
    **dict.fromkeys(("__arch_hweight32", "__arch_hweight64"), _hamming_weight),
    **dict.fromkeys((f"__builtin_ctz{suffix}" for suffix in ("", "l", "ll")), _trailing_zeros),
    **dict.fromkeys((f"__builtin_clz{suffix}" for suffix in ("", "l", "ll")), _leading_zeros),
    **dict.fromkeys((f"__builtin_ffs{suffix}" for suffix in ("", "l", "ll")), _find_first),
    **dict.fromkeys((f"__builtin_bswap{bits}" for bits in (16, 32, 64)), _swap_bytes),
    **dict.fromkeys(("memset", "__builtin_memset"), _fill),
    **dict.fromkeys(("memcpy", "memmove", "__builtin_memcpy", "__builtin_memmove"), _copy),
}
