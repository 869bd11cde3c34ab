"""Memory after several calls that are not followed: each is asked of an object once, and the first one writes first."""

from __future__ import annotations

from dataclasses import dataclass, field

from mmuproof.lift.c_types import IntType
from mmuproof.lift.machine.memory import Base, Doubtful, Initial
from mmuproof.lift.machine.values import Object, ObjectKind, Value
from mmuproof.smt.terms import BitVec, bv

WORD = IntType(32, False, "u32")
ONE, TWO = (Object(name=name, type=WORD, kind=ObjectKind.INPUT) for name in ("one", "two"))


@dataclass
class Appending:
    """A call that takes what was there times ten, and adds a digit."""

    digit: int
    writes: tuple[Object, ...]
    asked: list[Object] = field(default_factory=list)

    def may_write(self, object_: Object) -> bool:
        self.asked.append(object_)
        return object_ in self.writes

    def value(self, _object: Object, _start: int, _width: int, value: Value) -> Value:
        assert isinstance(value, BitVec)
        return value * bv(10, value.width) + bv(self.digit, value.width)


def test_a_state_after_many_calls_asks_each_once_of_an_object_and_an_earlier_state_is_left_as_it_was() -> None:
    calls = [Appending(1, (ONE, TWO)), Appending(2, (TWO,)), Appending(3, (ONE,))]
    states: list[Base] = [Initial()]
    for call in calls:
        states.append(Doubtful(states[-1], call))
    unknown = states[0].cell(ONE, 0)[1].value, states[0].cell(TWO, 0)[1].value

    def after(value: Value, digits: str) -> Value:
        for digit in digits:
            value = Appending(int(digit), ()).value(ONE, 0, 32, value)
        return value

    for _ in range(3):
        for state, one, two in ((3, "13", "12"), (1, "1", "1"), (2, "1", "12"), (3, "13", "12")):
            assert states[state].cell(ONE, 0)[1].value is after(unknown[0], one)
            assert states[state].cell(TWO, 0)[1].value is after(unknown[1], two)
    # Once of each object for the last state, and once more for an earlier one that was asked by itself.
    assert [len(call.asked) for call in calls] == [4, 4, 2]
