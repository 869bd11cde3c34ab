"""Lvalues: where an expression's object is, and arithmetic on pointers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

from mmuproof.lift import syntax
from mmuproof.lift.c_types import ArrayType, CType, IntType, PointerType, RecordType
from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.core import Core, Places
from mmuproof.lift.machine.findings import CheckKind
from mmuproof.lift.machine.state import State, meet
from mmuproof.lift.machine.values import (
    Cell,
    Dimension,
    Object,
    ObjectKind,
    Place,
    Pointer,
    Target,
    Value,
    as_int,
    as_pointer,
    same_place,
    truth,
)
from mmuproof.lift.syntax import BinaryOp, Expr, Location, UnaryOp, Variable
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, bv, eq, ite, negate, resize, sdiv, to_signed, ult


class Lvalues(Core):
    """The part of the machine that finds objects; see `mmuproof.lift.machine.machine.Machine`."""

    @abstractmethod
    def _value(self, expr: Expr, state: State) -> Value:
        """The value of an expression."""

    @abstractmethod
    def _evaluate(self, expr: Expr, state: State) -> None:
        """Run an expression for what it does."""

    @abstractmethod
    def _call(self, expr: syntax.Call, state: State) -> Value | Place | None:
        """Run a call."""

    @abstractmethod
    def _statement_expr(self, expr: syntax.StatementExpr, state: State) -> Value | Place | None:
        """Run ``({ })``."""

    @abstractmethod
    def _initialize(self, place: Place, type_: CType, value: Expr, state: State, name: str) -> None:
        """Give an object its first content."""

    @abstractmethod
    def global_object(self, variable: Variable) -> Object:
        """The object that holds a variable with static storage."""

    # -- where an object is -----------------------------------------------------------------------

    def _places(self, expr: Expr, state: State) -> Places:
        """Where an lvalue is, with the conditions that tell several places apart."""
        if isinstance(expr, syntax.Name):
            return [(TRUE, Place(self._object(expr.variable, expr.at), 0))]
        if isinstance(expr, syntax.Member):
            if expr.arrow:
                base = self._follow(self._value(expr.base, state), state, expr.at)
            else:
                base = self._places(expr.base, state)
            return [(guard, place.moved(expr.field.offset)) for guard, place in base]
        if isinstance(expr, syntax.Index):
            return self._element(expr, state)
        if isinstance(expr, syntax.Unary) and expr.op is UnaryOp.DEREFERENCE:
            return self._follow(self._value(expr.operand, state), state, expr.at)
        if isinstance(expr, syntax.Text):
            return [(TRUE, Place(self._text(expr), 0))]
        if isinstance(expr.type, RecordType | ArrayType) or isinstance(expr, syntax.CompoundLiteral):
            if isinstance(expr, syntax.Cast):
                return self._places(expr.operand, state)
            return [(TRUE, self._aggregate(expr, state))]
        raise Refused(f"{type(expr).__name__} where an object is meant", str(expr.at))

    def _object(self, variable: Variable, at: Location) -> Object:
        if variable.is_global:
            return self.global_object(variable)
        found = self._frame.variables.get(variable)
        if found is None:
            raise Refused(f"variable {variable.name} outside its scope", str(at))
        return found

    def _text(self, expr: syntax.Text) -> Object:
        """The array that a string literal stands for."""
        return constant_bytes("a string literal", expr.type, expr.text, expr.at)

    def _element(self, expr: syntax.Index, state: State) -> Places:
        base = expr.base.operand if isinstance(expr.base, syntax.Cast) else expr.base
        array = base.type
        if not isinstance(array, ArrayType) or not array.count:
            pointer = as_pointer(self._value(expr.base, state))
            index = self._wide(expr.index, state)
            if pointer is None:
                raise Refused("a number is followed as a pointer", str(expr.at))
            return self._follow(self._advance(pointer, expr.type, index, expr.at), state, expr.at)
        places = self._places(base, state)
        index = self._wide(expr.index, state)
        what = f"index {to_signed(index.value, 64)} of {array.count}" if index.is_const else ""
        self._require(CheckKind.INDEX, ult(index, array.count), state, expr.at, what)
        stride = array.element.bits
        if index.is_const:
            # Where the index is outside, the path has just ended.
            return [] if state.is_dead else [(guard, p.moved(index.value * stride)) for guard, p in places]
        dimension = Dimension(index=index, stride=stride, count=array.count)
        return [(guard, Place(p.object, p.offset, (*p.dimensions, dimension))) for guard, p in places]

    def _wide(self, expr: Expr, state: State) -> BitVec:
        value = self._value(expr, state)
        if not isinstance(value, BitVec) or not isinstance(expr.type, IntType):
            raise Refused("a pointer where an integer is meant", str(expr.at))
        return resize(value, 64, signed=expr.type.signed)

    # -- structs and arrays as values -------------------------------------------------------------

    def _aggregate(self, expr: Expr, state: State) -> Place:
        """A fixed place that holds the value of an expression of struct, union or array type."""
        if isinstance(expr, syntax.CompoundLiteral):
            kind = ObjectKind.ZERO if isinstance(expr.value, syntax.InitList) else ObjectKind.UNSET
            made = Object(name="a compound literal", type=expr.type, kind=kind)
            self._initialize(Place(made, 0), expr.type, expr.value, state, made.name)
            return Place(made, 0)
        if isinstance(expr, syntax.Assign):
            return self._assign_aggregate(expr, state)
        if isinstance(expr, syntax.Cast):
            return self._aggregate(expr.operand, state)
        if isinstance(expr, syntax.Binary) and expr.op is BinaryOp.COMMA:
            self._evaluate(expr.left, state)
            return self._aggregate(expr.right, state)
        if isinstance(expr, syntax.Call | syntax.StatementExpr):
            result = self._call(expr, state) if isinstance(expr, syntax.Call) else self._statement_expr(expr, state)
            if isinstance(result, Place):
                return result
            if state.is_dead:
                return Place(Object(name="nothing", type=expr.type, kind=ObjectKind.ZERO), 0)
            raise Refused("a struct that is no result", str(expr.at))
        if isinstance(expr, syntax.Conditional) and expr.then is not None:
            return self._chosen_aggregate(expr, expr.then, state)
        return self._fixed(self._places(expr, state), expr.type, state, expr.at)

    def _fixed(self, places: Places, type_: CType, state: State, at: Location) -> Place:
        """One fixed place with the content of whichever of the places it is; a copy if there are several."""
        if len(places) == 1 and not places[0][1].dimensions:
            return places[0][1]
        choices = [
            (all_of(guard, condition), Place(place.object, offset))
            for guard, place in places
            for condition, offset in self._choices(place, type_.bits, state, at)
        ]
        made = Object(name="a copy", type=type_, kind=ObjectKind.UNSET)
        for number, (guard, place) in enumerate(choices):
            each = state.fork(TRUE)
            self._transfer(place, Place(made, 0), type_.bits, each, at)
            if number:
                each.memory.merge(guard, state.memory)
            state.memory = each.memory
        return Place(made, 0)

    def _chosen_aggregate(self, expr: syntax.Conditional, then: Expr, state: State) -> Place:
        condition = truth(self._value(expr.condition, state))
        made = Object(name="a choice", type=expr.type, kind=ObjectKind.UNSET)
        arms: list[State] = []
        for guard, arm in ((condition, then), (negate(condition), expr.other)):
            each = state.fork(guard)
            if not each.is_dead:
                source = self._aggregate(arm, each)
                self._transfer(source, Place(made, 0), expr.type.bits, each, expr.at)
                arms.append(each)
        state.become(meet(arms))
        return Place(made, 0)

    def _assign_aggregate(self, expr: syntax.Assign, state: State) -> Place:
        source = self._aggregate(expr.value, state)
        bits = expr.type.bits
        places = self._places(expr.target, state)
        taken = Object(name="a copy", type=expr.type, kind=ObjectKind.UNSET)
        self._transfer(source, Place(taken, 0), bits, state, expr.at)
        for guard, place in places:
            for condition, offset in self._choices(place, bits, state, expr.at):
                here = all_of(guard, condition) if len(places) > 1 else condition
                written = state.fork(TRUE)
                self._transfer(Place(taken, 0), Place(place.object, offset), bits, written, expr.at)
                written.memory.merge(here, state.memory)
                state.memory = written.memory
        return Place(taken, 0)

    # -- pointer arithmetic -----------------------------------------------------------------------

    def _advance(self, pointer: Pointer, element: CType, count: BitVec, at: Location) -> Pointer:
        """``pointer + count`` in elements of the given type (a byte for void, as GNU C has it)."""
        stride = element.bits
        targets: list[Target] = []
        for target in pointer.targets:
            place = target.place
            if count.is_const and count.value == 0:
                targets.append(target)
                continue
            if target.address is not None:
                targets.append(Target(guard=target.guard, address=target.address + count * (stride // 8)))
            elif place is None:
                if target.function is not None:
                    raise Refused("arithmetic on a function's address", str(at))
                # Null plus something: whoever follows it follows null.
                targets.append(target)
            elif count.is_const:
                moved = place.moved(to_signed(count.value, 64) * stride)
                targets.append(Target(guard=target.guard, place=moved))
            else:
                targets.append(Target(guard=target.guard, place=_moved(place, count, stride, at)))
        return Pointer(tuple(targets))

    def _pointer_binary(self, expr: syntax.Binary, left: Value, right: Value) -> Value:
        op = expr.op
        if op in (BinaryOp.ADD, BinaryOp.SUB) and isinstance(expr.type, PointerType):
            if op is BinaryOp.ADD and isinstance(expr.left.type, IntType):
                return self._offset(right, expr.right, left, expr.left, op, expr)
            return self._offset(left, expr.left, right, expr.right, op, expr)
        a, b = as_pointer(left), as_pointer(right)
        if a is None or b is None:
            raise Refused(f"{op.value} on a pointer and a number", str(expr.at))
        if op in (BinaryOp.EQ, BinaryOp.NE):
            same = same_place(a, b)
            return as_int(same if op is BinaryOp.EQ else negate(same))
        order = _ORDER.get(op)
        if order is not None:
            return as_int(order(_distance(a, b, expr.at)))
        if op is BinaryOp.SUB and isinstance(expr.left.type, PointerType):
            size = expr.left.type.target.bits
            return sdiv(_distance(a, b, expr.at), bv(max(size, 1), 64))
        raise Refused(f"{op.value} on pointers", str(expr.at))

    def _offset(
        self, base: Value, base_expr: Expr, count: Value, count_expr: Expr, op: BinaryOp, expr: syntax.Binary
    ) -> Pointer:
        pointer = as_pointer(base)
        if (
            pointer is None
            or not isinstance(count, BitVec)
            or not isinstance(count_expr.type, IntType)
            or not isinstance(base_expr.type, PointerType)
        ):
            raise Refused(f"{op.value} on a pointer", str(expr.at))
        wide = resize(count, 64, signed=count_expr.type.signed)
        return self._advance(pointer, base_expr.type.target, -wide if op is BinaryOp.SUB else wide, expr.at)


def constant_bytes(name: str, type_: CType, text: bytes | None, at: Location) -> Object:
    """A constant array that holds the characters of a string literal, and zeros behind them."""
    if text is None or not isinstance(type_, ArrayType) or type_.element.bits != 8:
        raise Refused("a string literal whose characters are not known", str(at))
    padded = text.ljust(type_.count, b"\0")[: type_.count]
    content = {index * 8: Cell(8, bv(byte, 8)) for index, byte in enumerate(padded)}
    return Object(name=name, type=type_, kind=ObjectKind.CONSTANT, content=content)


def _moved(place: Place, count: BitVec, stride: int, at: Location) -> Place:
    """``count`` elements further on, where the count is not known."""
    if stride == 0:
        raise Refused("arithmetic on a pointer to something without size", str(at))
    others = place.dimensions
    if others and others[-1].stride == stride:
        count = count + others[-1].index
        others = others[:-1]
    # Every element that may lie in the object, whatever the other indices add.
    low = -(place.offset // stride)
    high = (place.object.type.bits - place.offset) // stride
    for other in others:
        low -= -(-(other.low + other.count) * other.stride // stride)
        high -= other.low * other.stride // stride
    dimension = Dimension(index=count, stride=stride, count=max(high - low + 1, 0), low=low, checked=False)
    return Place(place.object, place.offset, (*others, dimension))


def _distance(left: Pointer, right: Pointer, at: Location) -> BitVec:
    """How far ``left`` is behind ``right``, in bits; both are in one object."""
    result: BitVec | None = None
    for a in left.targets:
        for b in right.targets:
            if all_of(a.guard, b.guard) is FALSE:
                continue
            if a.place is None or b.place is None or a.place.object is not b.place.object:
                raise Refused("pointers into different objects are compared or subtracted", str(at))
            each = a.place.position - b.place.position
            result = each if result is None else ite(all_of(a.guard, b.guard), each, result)
    if result is None:
        raise Refused("pointers into different objects are compared or subtracted", str(at))
    return result


def _negative(value: BitVec) -> Bool:
    return eq(value >> 63, 1)


_ORDER: dict[BinaryOp, Callable[[BitVec], Bool]] = {
    BinaryOp.LT: _negative,
    BinaryOp.GE: lambda distance: negate(_negative(distance)),
    BinaryOp.GT: lambda distance: _negative(-distance),
    BinaryOp.LE: lambda distance: negate(_negative(-distance)),
}
