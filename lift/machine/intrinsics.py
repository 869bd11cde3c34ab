"""Calls that the machine itself gives a meaning: the kernel's assertions and the compiler's built-ins."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import ClassVar

from mmuproof.lift import syntax
from mmuproof.lift.c_types import IntType
from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.access import MemoryAccess
from mmuproof.lift.machine.asked_values import Evaluation
from mmuproof.lift.machine.execution import Execution
from mmuproof.lift.machine.findings import CheckKind
from mmuproof.lift.machine.pointers import advance
from mmuproof.lift.machine.state import State
from mmuproof.lift.machine.values import Object, Place, Pointer, Value, as_int, as_pointer, truth
from mmuproof.lift.syntax import Location
from mmuproof.lift.tree.overlay import BUG_CALL, BUILD_BUG_CALL, OF_PROCESSOR_CALL, WARN_CALL
from mmuproof.smt.terms import FALSE, TRUE, BitVec, all_of, bv, concat, eq, extract, ite, ne, negate, resize, to_bv, ult

_BYTE = IntType(8, False, "unsigned char")
_MOST_COMPARED = 512
"""The bytes of the largest piece of memory whose comparison is understood."""


class Intrinsics:
    """What these calls do.

    Args:
        run: where the kernel's assertions are noted.
        access: to memory.
        values: evaluates arguments.
    """

    def __init__(self, *, run: Execution, access: MemoryAccess, values: Evaluation) -> None:
        self._run, self._access, self._values = run, access, values
        self._processors: dict[Object, BitVec] = {}

    def __contains__(self, function: str) -> bool:
        return function in self._MEANINGS

    def call(self, function: str, expr: syntax.Call, state: State) -> Value | None:
        """What a call of one of these functions gives; None for nothing."""
        return self._MEANINGS[function](self, expr, state)

    def knows_body(self, function: str) -> bool:
        """Whether it is known what a body does, which is inline assembly or elsewhere; it may be cut all the same."""
        return function in self._BODIES

    def body(self, function: str, arguments: Sequence[Value | Place], state: State, at: Location) -> Value:
        """What such a function gives.

        Raises:
            Refused: what it is given is not understood.
        """
        return self._BODIES[function](self, arguments, state, at)

    def _test_bit(self, arguments: Sequence[Value | Place], state: State, at: Location) -> Value:
        """Whether a bit is set whose number is known: that tells in which of several words it is."""
        number, pointer = arguments
        if not isinstance(number, BitVec) or not number.is_const or not isinstance(pointer, Pointer):
            raise Refused("it is not known which bit is read", str(at))
        unsigned_long, words = IntType(64, False, "unsigned long"), bv(number.value >> 6, 64)
        places = self._access.follow(advance(pointer, unsigned_long, words, at), state, at)
        word = self._access.read(places, 64, unsigned_long, state, at)
        if isinstance(word, Pointer):
            raise Refused("a bit of a pointer is read", str(at))
        return resize(extract(word, number.value & 63, number.value & 63), 8)

    def _compare(self, arguments: Sequence[Value | Place], state: State, at: Location) -> Value:
        """By how much the first byte that differs is larger on the left; 0 if all are alike."""
        size = arguments[2]
        if not isinstance(size, BitVec) or not size.is_const or size.value > _MOST_COMPARED:
            raise Refused("it is not known how much is compared, or it is much", str(at))
        left, right = (self._bytes(each, size.value, state, at) for each in arguments[:2])
        difference = bv(0, 32)
        for one, other in zip(reversed(left), reversed(right), strict=True):
            difference = ite(ne(one, other), resize(one, 32) - resize(other, 32), difference)
        return ite(all_of(*map(eq, _words(left), _words(right))), bv(0, 32), difference)

    def _bytes(self, pointer: Value | Place, size: int, state: State, at: Location) -> list[BitVec]:
        """What stands there, byte by byte."""
        assert not isinstance(pointer, Place)
        places = self._access.follow(pointer, state, at) if size else []
        read = (
            self._access.read([(guard, place.moved(8 * each)) for guard, place in places], 8, _BYTE, state, at)
            for each in range(size)
        )
        return [each for each in read if isinstance(each, BitVec)]

    def _integer(self, expr: syntax.Expr, state: State) -> BitVec:
        value = self._values.value(expr, state)
        if isinstance(value, Pointer):
            raise Refused("a pointer where an integer is meant", str(expr.at))
        return value

    def _warn(self, expr: syntax.Call, state: State) -> Value:
        fires = truth(self._values.value(expr.arguments[0], state))
        self._run.require(CheckKind.WARN, negate(fires), state, expr.at)
        return as_int(fires)

    def _bug(self, expr: syntax.Call, state: State) -> None:
        fires = truth(self._values.value(expr.arguments[0], state))
        self._run.require(CheckKind.BUG, negate(fires), state, expr.at)
        state.guard = all_of(state.guard, negate(fires))

    def _build_bug(self, expr: syntax.Call, state: State) -> None:
        fires = truth(self._values.value(expr.arguments[0], state))
        self._run.require(CheckKind.BUILD, negate(fires), state, expr.at)

    def _unreachable(self, expr: syntax.Call, state: State) -> None:
        self._run.require(CheckKind.BUG, FALSE, state, expr.at)
        state.guard = FALSE

    def _expect(self, expr: syntax.Call, state: State) -> Value:
        return self._values.value(expr.arguments[0], state)

    def _is_constant(self, expr: syntax.Call, state: State) -> Value:
        # The argument is not evaluated; both answers are right, since the compiler may give either.
        return as_int(TRUE if isinstance(expr.arguments[0], syntax.Constant) else FALSE)

    def _count_ones(self, expr: syntax.Call, state: State) -> BitVec:
        value = self._integer(expr.arguments[0], state)
        total = bv(0, 32)
        for index in range(value.width):
            total = total + resize(extract(value, index, index), 32)
        return total

    def _hamming_weight(self, expr: syntax.Call, state: State) -> Value:
        # The kernel's own population count is an instruction in inline assembly, whose result is as wide as declared.
        if not isinstance(expr.type, IntType):
            raise Refused("a population count of another type", str(expr.at))
        return resize(self._count_ones(expr, state), expr.type.bits)

    def _trailing_zeros(self, expr: syntax.Call, state: State) -> Value:
        value = self._integer(expr.arguments[0], state)
        self._run.require(CheckKind.SHIFT, ne(value, 0), state, expr.at, "a bit is searched in zero")
        return _first_one(value, range(value.width - 1, -1, -1), bias=0)

    def _find_first(self, expr: syntax.Call, state: State) -> Value:
        value = self._integer(expr.arguments[0], state)
        return _first_one(value, range(value.width - 1, -1, -1), bias=1)

    def _find_last(self, expr: syntax.Call, state: State) -> Value:
        value = self._integer(expr.arguments[0], state)
        return _first_one(value, range(value.width), bias=1)

    def _leading_zeros(self, expr: syntax.Call, state: State) -> Value:
        value = self._integer(expr.arguments[0], state)
        self._run.require(CheckKind.SHIFT, ne(value, 0), state, expr.at, "a bit is searched in zero")
        return bv(value.width - 1, 32) - _first_one(value, range(value.width), bias=0)

    def _swap_bytes(self, expr: syntax.Call, state: State) -> Value:
        value = self._integer(expr.arguments[0], state)
        return concat(*(extract(value, low + 7, low) for low in range(0, value.width, 8)))

    def _size(self, expr: syntax.Call, state: State) -> int:
        size = self._integer(expr.arguments[2], state)
        if not size.is_const:
            raise Refused("a memory operation of unknown size", str(expr.at))
        return size.value * 8

    def _whole(self, pointer: Value, bits: int, state: State, expr: syntax.Call) -> Place | None:
        found = as_pointer(pointer)
        if found is None:
            raise Refused("a number is followed as a pointer", str(expr.at))
        places = self._access.follow(found, state, expr.at)
        if not places:
            return None
        if len(places) > 1 or places[0][1].dimensions:
            raise Refused("a memory operation at an unknown place", str(expr.at))
        return places[0][1]

    def _fill(self, expr: syntax.Call, state: State) -> Value:
        pointer = self._values.value(expr.arguments[0], state)
        byte = extract(self._integer(expr.arguments[1], state), 7, 0)
        bits = self._size(expr, state)
        place = self._whole(pointer, bits, state, expr) if bits else None
        if place is not None:
            for distance in range(0, bits, 64):
                width = min(64, bits - distance)
                word = concat(*[byte] * (width // 8))
                self._access.write([(TRUE, place.moved(distance))], width, word, state, expr.at)
        return pointer

    def _copy(self, expr: syntax.Call, state: State) -> Value:
        pointer, source = (self._values.value(each, state) for each in expr.arguments[:2])
        bits = self._size(expr, state)
        if bits:
            places = [self._whole(each, bits, state, expr) for each in (pointer, source)]
            if places[0] is not None and places[1] is not None:
                self._access.transfer(places[1], places[0], bits, state, expr.at)
        return pointer

    def _lowest_bit(self, expr: syntax.Call, state: State) -> Value:
        value = self._trailing_zeros(expr, state)
        assert isinstance(value, BitVec)
        return resize(value, 64)

    def _of_processor(self, expr: syntax.Call, state: State) -> Value:
        """The variable itself, which stands for that of one processor: that of another would be another object."""
        pointer, offset = self._values.value(expr.arguments[0], state), self._integer(expr.arguments[1], state)
        for target in pointer.targets if isinstance(pointer, Pointer) else ():
            if target.place and self._processors.setdefault(target.place.object, offset) is not offset:
                raise Refused("a variable of two processors", str(expr.at))
        return pointer

    def _clear_bit(self, expr: syntax.Call, state: State) -> Value:
        return self._change_bit(expr, state, to=False, at_once=True)

    def _set_bit(self, expr: syntax.Call, state: State) -> Value:
        # Two underscores: others may come in between.
        return self._change_bit(expr, state, to=True, at_once=False)

    def _change_bit(self, expr: syntax.Call, state: State, *, to: bool, at_once: bool) -> Value:
        """The bit that was there; only words that are one object of 64 bits are understood."""
        number = resize(self._integer(expr.arguments[0], state), 64)
        places = self._access.follow(self._values.value(expr.arguments[1], state), state, expr.at)
        self._run.require(CheckKind.INDEX, ult(number, 64), state, expr.at, "a bit outside the word is changed")
        bit = bv(1, 64) << number
        with self._run.in_one_step() if at_once else nullcontext():
            word = self._access.read(places, 64, IntType(64, False, "unsigned long"), state, expr.at)
            if isinstance(word, Pointer):
                raise Refused("a bit of a pointer is changed", str(expr.at))
            self._access.write(places, 64, word | bit if to else word & ~bit, state, expr.at)
        return to_bv(ne(word & bit, 0), 8)

    _MEANINGS: ClassVar[Mapping[str, Callable[[Intrinsics, syntax.Call, State], Value | None]]] = {
        WARN_CALL: _warn,
        BUG_CALL: _bug,
        BUILD_BUG_CALL: _build_bug,
        OF_PROCESSOR_CALL: _of_processor,
        "__builtin_unreachable": _unreachable,
        "__builtin_trap": _unreachable,
        "__builtin_expect": _expect,
        # The kernel's inline assembly for single bits.
        "variable__ffs": _lowest_bit,
        "variable_ffs": _find_first,
        **dict.fromkeys(("fls", "fls64"), _find_last),
        **dict.fromkeys(("arch_clear_bit", "arch_test_and_clear_bit"), _clear_bit),
        "arch___set_bit": _set_bit,
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

    _BODIES: ClassVar[Mapping[str, Callable[[Intrinsics, Sequence[Value | Place], State, Location], Value]]] = {
        "variable_test_bit": _test_bit,
        **dict.fromkeys(("memcmp", "__builtin_memcmp"), _compare),
    }


def _words(parts: Sequence[BitVec]) -> list[BitVec]:
    """Bytes put together in words, the last of which may be a short one."""
    return [concat(*reversed(parts[start : start + 8])) for start in range(0, len(parts), 8)]


def _first_one(value: BitVec, positions: range, bias: int) -> BitVec:
    """The last of ``positions`` that holds a 1, plus ``bias``; 0 if there is none."""
    result = bv(0, 32)
    for index in positions:
        result = ite(ne(extract(value, index, index), 0), bv(index + bias, 32), result)
    return result
