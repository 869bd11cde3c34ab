"""Lvalues: where an expression's object is, and structs and arrays as values."""

from __future__ import annotations

from mmuproof.lift import syntax
from mmuproof.lift.c_types import ArrayType, CType, IntType, RecordType
from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.access import MemoryAccess, Places
from mmuproof.lift.machine.asked_values import Evaluation
from mmuproof.lift.machine.execution import Execution
from mmuproof.lift.machine.findings import CheckKind
from mmuproof.lift.machine.pointers import advance
from mmuproof.lift.machine.state import State, meet
from mmuproof.lift.machine.values import Dimension, Object, ObjectKind, Place, as_pointer, truth
from mmuproof.lift.machine.variables import Variables, constant_bytes
from mmuproof.lift.syntax import BinaryOp, Expr, Location, UnaryOp
from mmuproof.smt.terms import TRUE, BitVec, all_of, negate, resize, to_signed, ult


class Lvalues:
    """Finds objects.

    Args:
        run: where what C demands is noted.
        access: to memory.
        values: evaluates the pointers and indices on the way.
        variables: where named objects are.
    """

    def __init__(self, *, run: Execution, access: MemoryAccess, values: Evaluation, variables: Variables) -> None:
        self._run, self._access = run, access
        self._values, self._variables = values, variables

    # -- where an object is -----------------------------------------------------------------------

    def places(self, expr: Expr, state: State) -> Places:
        """Where an lvalue is, with the conditions that tell several places apart.

        Raises:
            Refused: the expression is none, or something inside it is not understood.
        """
        if isinstance(expr, syntax.Name):
            return [(TRUE, Place(self._variables.find(expr.variable, expr.at), 0))]
        if isinstance(expr, syntax.Member):
            if expr.arrow:
                base = self._access.follow(self._values.value(expr.base, state), state, expr.at)
            else:
                base = self.places(expr.base, state)
            return [(guard, place.moved(expr.field.offset)) for guard, place in base]
        if isinstance(expr, syntax.Index):
            return self._element(expr, state)
        if isinstance(expr, syntax.Unary) and expr.op is UnaryOp.DEREFERENCE:
            return self._access.follow(self._values.value(expr.operand, state), state, expr.at)
        if isinstance(expr, syntax.Text):
            return [(TRUE, Place(self._text(expr), 0))]
        if isinstance(expr.type, RecordType | ArrayType) or isinstance(expr, syntax.CompoundLiteral):
            if isinstance(expr, syntax.Cast):
                return self.places(expr.operand, state)
            return [(TRUE, self.aggregate(expr, state))]
        raise Refused(f"{type(expr).__name__} where an object is meant", str(expr.at))

    def _text(self, expr: syntax.Text) -> Object:
        """The array that a string literal stands for."""
        return constant_bytes("a string literal", expr.type, expr.text, expr.at)

    def _element(self, expr: syntax.Index, state: State) -> Places:
        base = expr.base.operand if isinstance(expr.base, syntax.Cast) else expr.base
        array = base.type
        if not isinstance(array, ArrayType) or not array.count:
            pointer = as_pointer(self._values.value(expr.base, state))
            index = self.wide(expr.index, state)
            if pointer is None:
                raise Refused("a number is followed as a pointer", str(expr.at))
            return self._access.follow(advance(pointer, expr.type, index, expr.at), state, expr.at)
        places = self.places(base, state)
        index = self.wide(expr.index, state)
        what = f"index {to_signed(index.value, 64)} of {array.count}" if index.is_const else ""
        self._run.require(CheckKind.INDEX, ult(index, array.count), state, expr.at, what)
        stride = array.element.bits
        if index.is_const:
            # Where the index is outside, the path has just ended.
            return [] if state.is_dead else [(guard, p.moved(index.value * stride)) for guard, p in places]
        dimension = Dimension(index=index, stride=stride, count=array.count)
        return [(guard, Place(p.object, p.offset, (*p.dimensions, dimension))) for guard, p in places]

    def wide(self, expr: Expr, state: State) -> BitVec:
        """The value of an integer with 64 bits, as an index or a count is meant.

        Raises:
            Refused: it is no integer.
        """
        value = self._values.value(expr, state)
        if not isinstance(value, BitVec) or not isinstance(expr.type, IntType):
            raise Refused("a pointer where an integer is meant", str(expr.at))
        return resize(value, 64, signed=expr.type.signed)

    # -- structs and arrays as values -------------------------------------------------------------

    def aggregate(self, expr: Expr, state: State) -> Place:
        """A fixed place that holds the value of an expression of struct, union or array type.

        Raises:
            Refused: the expression has none, or something inside it is not understood.
        """
        if isinstance(expr, syntax.CompoundLiteral):
            kind = ObjectKind.ZERO if isinstance(expr.value, syntax.InitList) else ObjectKind.UNSET
            made = Object(name="a compound literal", type=expr.type, kind=kind)
            self._variables.initialize(Place(made, 0), expr.type, expr.value, state, made.name)
            return Place(made, 0)
        if isinstance(expr, syntax.Assign):
            return self._assign_aggregate(expr, state)
        if isinstance(expr, syntax.Cast):
            return self.aggregate(expr.operand, state)
        if isinstance(expr, syntax.Binary) and expr.op is BinaryOp.COMMA:
            self._values.evaluate(expr.left, state)
            return self.aggregate(expr.right, state)
        if isinstance(expr, syntax.Call | syntax.StatementExpr):
            result = self._values.result(expr, state)
            if isinstance(result, Place):
                return result
            if state.is_dead:
                return Place(Object(name="nothing", type=expr.type, kind=ObjectKind.ZERO), 0)
            raise Refused("a struct that is no result", str(expr.at))
        if isinstance(expr, syntax.Binary) or (isinstance(expr, syntax.Unary) and expr.op is not UnaryOp.DEREFERENCE):
            raise _calculated(expr)
        if isinstance(expr, syntax.Conditional) and expr.then is not None:
            return self._chosen_aggregate(expr, expr.then, state)
        return self._fixed(self.places(expr, state), expr.type, state, expr.at)

    def _fixed(self, places: Places, type_: CType, state: State, at: Location) -> Place:
        """One fixed place with the content of whichever of the places it is; a copy if there are several."""
        if len(places) == 1 and not places[0][1].dimensions:
            return places[0][1]
        choices = [
            (all_of(guard, condition), Place(place.object, offset))
            for guard, place in places
            for condition, offset in self._access.choices(place, type_.bits, state, at)
        ]
        made = Object(name="a copy", type=type_, kind=ObjectKind.UNSET)
        for number, (guard, place) in enumerate(choices):
            each = state.fork(TRUE)
            self._access.transfer(place, Place(made, 0), type_.bits, each, at)
            if number:
                each.memory.merge(guard, state.memory)
            state.memory = each.memory
        return Place(made, 0)

    def _chosen_aggregate(self, expr: syntax.Conditional, then: Expr, state: State) -> Place:
        condition = truth(self._values.value(expr.condition, state))
        made = Object(name="a choice", type=expr.type, kind=ObjectKind.UNSET)
        arms: list[State] = []
        for guard, arm in ((condition, then), (negate(condition), expr.other)):
            each = state.fork(guard)
            if not each.is_dead:
                source = self.aggregate(arm, each)
                self._access.transfer(source, Place(made, 0), expr.type.bits, each, expr.at)
                arms.append(each)
        state.become(meet(arms))
        return Place(made, 0)

    def _assign_aggregate(self, expr: syntax.Assign, state: State) -> Place:
        if expr.op is not None:
            raise _calculated(expr)
        source = self.aggregate(expr.value, state)
        bits = expr.type.bits
        places = self.places(expr.target, state)
        taken = Object(name="a copy", type=expr.type, kind=ObjectKind.UNSET)
        self._access.transfer(source, Place(taken, 0), bits, state, expr.at)
        for guard, place in places:
            for condition, offset in self._access.choices(place, bits, state, expr.at):
                here = all_of(guard, condition) if len(places) > 1 else condition
                written = state.fork(TRUE)
                self._access.transfer(Place(taken, 0), Place(place.object, offset), bits, written, expr.at)
                written.memory.merge(here, state.memory)
                state.memory = written.memory
        return Place(taken, 0)


def _calculated(expr: Expr) -> Refused:
    """The refusal of what calculates with no numbers, as only vectors are."""
    return Refused("arithmetic in a vector", str(expr.at))
