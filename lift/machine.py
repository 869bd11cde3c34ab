"""The abstract machine: runs C on terms, on all paths at once.

Paths that meet again are merged, so a function's result is one term.  The dialect is the kernel's:
signed arithmetic wraps (the kernel is built with -fno-strict-overflow), ``char`` is unsigned.  What is
undefined even there becomes a check that has to be proved, or, where it is certain, is refused.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from mmuproof.lift import syntax
from mmuproof.lift.c_types import (
    INT,
    ArrayType,
    CType,
    Field,
    FunctionType,
    IntType,
    PointerType,
    RecordType,
    VoidType,
    member_at,
    promote,
    usual_arithmetic,
)
from mmuproof.lift.cuts import Cut
from mmuproof.lift.errors import Refused
from mmuproof.lift.memory import (
    NULL,
    Dimension,
    FunctionRef,
    Memory,
    Object,
    ObjectKind,
    Place,
    Pointer,
    Target,
    Value,
    as_int,
    choose,
    input_pointer,
    pointer_to,
    same_place,
    truth,
)
from mmuproof.lift.syntax import BinaryOp, Expr, Function, Location, Stmt, UnaryOp, Variable
from mmuproof.smt.terms import (
    FALSE,
    TRUE,
    BitVec,
    Bool,
    Op,
    all_of,
    any_of,
    ashr,
    bv,
    eq,
    extract,
    implies,
    ite,
    ne,
    negate,
    resize,
    sdiv,
    sle,
    slt,
    srem,
    to_bv,
    udiv,
    ule,
    ult,
    urem,
    var,
)

_LOOP_LIMIT = 1024
_CALL_DEPTH = 64
_UNROLL_CHOICES = 1024


class CheckKind(enum.Enum):
    """What has to be shown about a place in the code."""

    WARN = "a WARN does not fire"
    BUG = "a BUG does not fire"
    BUILD = "a BUILD_BUG_ON holds back"
    INDEX = "an index is inside its array"
    SHIFT = "a shift count is below the width"
    DIVISION = "a division is defined"
    NULL = "no null pointer is followed"


_ASSERTED = (CheckKind.WARN, CheckKind.BUG, CheckKind.BUILD)


@dataclass(frozen=True)
class Check:
    """An obligation that the code itself states or C demands: ``holds`` on every path."""

    kind: CheckKind
    at: Location
    holds: Bool


@dataclass(frozen=True)
class Step:
    """An assignment that happens where ``guard`` holds; for telling how a result came about."""

    at: Location
    target: str
    guard: Bool
    value: BitVec


@dataclass(frozen=True)
class CutCall:
    """A call that was not followed."""

    cut: Cut
    at: Location


class Definitions(Protocol):
    """Where the machine finds functions."""

    def find_function(self, name: str) -> Function | None:
        """The function's definition in this translation unit, or None."""


@dataclass
class State:
    """One path: the condition under which it is taken, and its memory."""

    guard: Bool
    memory: Memory

    def fork(self, condition: Bool) -> State:
        """The same state with a further condition."""
        return State(all_of(self.guard, condition), self.memory.copy())


@dataclass
class _Frame:
    """A function while it runs: where its variables are, and the paths that have left its statements."""

    function: str
    variables: dict[Variable, Object] = field(default_factory=dict)
    returns: list[tuple[State, Value | None]] = field(default_factory=list)
    gotos: dict[str, list[State]] = field(default_factory=dict)
    goto_at: dict[str, Location] = field(default_factory=dict)
    breaks: list[list[State]] = field(default_factory=list)
    continues: list[list[State]] = field(default_factory=list)


class Machine:
    """Runs functions of one translation unit.

    Args:
        definitions: the translation unit.
        cuts: the calls that are not followed.

    The lists `checks`, `steps` and `cut_calls` grow with every run and belong to the caller.
    """

    def __init__(self, definitions: Definitions, cuts: Sequence[Cut] = ()) -> None:
        self.checks: list[Check] = []
        self.steps: list[Step] = []
        self.cut_calls: dict[CutCall, None] = {}
        self._definitions = definitions
        self._cuts: Mapping[str, Cut] = {cut.function: cut for cut in cuts}
        self._globals: dict[Variable, Object] = {}
        self._globals_by_name: dict[str, Object] = {}
        self._constants: dict[Object, Memory] = {}
        self._counts: dict[str, int] = {}
        self._frames: list[_Frame] = []

    def successor(self) -> Machine:
        """A machine with the same objects of static storage that has seen nothing yet."""
        other = Machine(self._definitions, tuple(self._cuts.values()))
        other._globals = self._globals
        other._globals_by_name = self._globals_by_name
        other._constants = self._constants
        return other

    # -- the outside ------------------------------------------------------------------------------------

    def run(self, function: Function, arguments: Sequence[Value | Place], memory: Memory,
            condition: Bool = TRUE) -> Value | Place | None:
        """Call ``function`` where ``condition`` holds; ``memory`` is changed, the result returned.

        Raises:
            Refused: the function does something that is not understood, or is undefined for certain.
        """
        state = State(condition, memory.copy())
        result, after = self._call_function(function, list(arguments), state, function.location)
        memory._cells, memory._bases, memory._owned = after.memory._cells, after.memory._bases, set()
        return result

    def global_object(self, variable: Variable) -> Object:
        """The object that holds a variable with static storage."""
        found = self._globals.get(variable)
        if found is None:
            kind = ObjectKind.ZERO if variable.initializer is not None else ObjectKind.INPUT
            found = self._globals[variable] = Object(variable.name, variable.type, kind)
            if variable.initializer is not None:
                content = Memory()
                state = State(TRUE, content)
                self._frames.append(_Frame(variable.name))
                self._initialize(found, 0, variable.type, variable.initializer, state)
                self._frames.pop()
                self._constants[found] = state.memory
            self._globals_by_name.setdefault(variable.name, found)
        return found

    def fresh(self, name: str, width: int) -> BitVec:
        """A variable that no other call of this machine gives."""
        count = self._counts[name] = self._counts.get(name, 0) + 1
        return var(name if count == 1 else f"{name}#{count}", width)

    # -- helpers ------------------------------------------------------------------------------------------

    @property
    def _frame(self) -> _Frame:
        return self._frames[-1]

    def _require(self, kind: CheckKind, holds: Bool, state: State, at: Location) -> None:
        obligation = implies(state.guard, holds)
        if obligation is TRUE:
            return
        if holds is FALSE and kind not in _ASSERTED and state.guard is TRUE:
            raise Refused(f"undefined behaviour: it is never true that {kind.value}", str(at))
        self.checks.append(Check(kind, at, obligation))

    def _merge(self, states: list[State]) -> State | None:
        live = [state for state in states if state.guard is not FALSE]
        if not live:
            return None
        result = live[0]
        for other in live[1:]:
            result = self._merge_two(result, other)
        return result

    def _merge_two(self, a: State, b: State) -> State:
        a.memory.merge(_telling(a.guard, b.guard), b.memory)
        return State(any_of(a.guard, b.guard), a.memory)

    # -- functions --------------------------------------------------------------------------------------------

    def _call_function(self, function: Function, arguments: list[Value | Place], state: State,
                       at: Location) -> tuple[Value | Place | None, State]:
        if len(self._frames) >= _CALL_DEPTH:
            raise Refused(f"calls nest too deeply in {function.name}", str(at))
        if len(arguments) != len(function.parameters):
            raise Refused(f"{function.name} with {len(arguments)} arguments", str(at))
        frame = _Frame(function.name)
        self._frames.append(frame)
        guard = state.guard
        for variable, argument in zip(function.parameters, arguments, strict=True):
            object_ = Object(variable.name, variable.type, ObjectKind.UNSET)
            frame.variables[variable] = object_
            if isinstance(argument, Place):
                state.memory.transfer(argument, Place(object_, 0), variable.type.bits)
            else:
                state.memory.write(object_, 0, variable.type.bits, argument)
        end = self._statement(function.body, state)
        if end is not None:
            frame.returns.append((end, None))
        if frame.gotos:
            name = next(iter(frame.gotos))
            raise Refused(f"goto {name} jumps backwards", str(frame.goto_at[name]))
        self._frames.pop()
        returns = [(each, value) for each, value in frame.returns if each.guard is not FALSE]
        if not returns:
            # No path comes back, as after a BUG; the caller's path ends here too.
            return None, State(FALSE, state.memory)
        merged, value = returns[0]
        for other, other_value in returns[1:]:
            condition = _telling(merged.guard, other.guard)
            if value is not None and other_value is not None:
                value = choose(condition, value, other_value)
            merged = self._merge_two(merged, other)
        for object_ in frame.variables.values():
            if not isinstance(function.result, RecordType):
                merged.memory.forget(object_)
        if all(each.guard is guard for each, _ in returns) or _covers(guard, [each.guard for each, _ in returns]):
            merged.guard = guard
        result: Value | Place | None = value
        if isinstance(function.result, RecordType) and isinstance(value, Pointer):
            (target,) = value.targets
            result = target.place
        return result, merged

    # -- statements ---------------------------------------------------------------------------------------------

    def _statement(self, stmt: Stmt, state: State | None) -> State | None:
        """Run a statement; None stands for a path that does not reach this point, or goes on elsewhere."""
        if state is not None and state.guard is FALSE:
            state = None
        if isinstance(stmt, syntax.Compound):
            return self._compound(stmt, state)
        if isinstance(stmt, syntax.Label):
            return self._label(stmt, state)
        if state is None:
            return self._skip(stmt)
        if isinstance(stmt, syntax.Evaluate):
            self._evaluate(stmt.expr, state)
            return state
        if isinstance(stmt, syntax.Declare):
            for variable in stmt.variables:
                self._declare(variable, state)
            return state
        if isinstance(stmt, syntax.If):
            return self._if(stmt, state)
        if isinstance(stmt, syntax.Loop):
            return self._loop(stmt, state)
        if isinstance(stmt, syntax.Switch):
            return self._switch(stmt, state)
        if isinstance(stmt, syntax.Return):
            return self._return(stmt, state)
        if isinstance(stmt, syntax.Goto):
            self._frame.gotos.setdefault(stmt.name, []).append(state)
            self._frame.goto_at.setdefault(stmt.name, stmt.at)
            return None
        if isinstance(stmt, syntax.Break):
            self._frame.breaks[-1].append(state)
            return None
        if isinstance(stmt, syntax.Continue):
            self._frame.continues[-1].append(state)
            return None
        if isinstance(stmt, syntax.Empty):
            return state
        raise Refused(f"statement {type(stmt).__name__}", str(stmt.at))

    def _skip(self, stmt: Stmt) -> None:
        """Pass over a statement that no path enters from above; a label inside it is not understood."""
        for label in _labels(stmt):
            if label in self._frame.gotos:
                raise Refused(f"goto {label} jumps into a statement", str(stmt.at))

    def _compound(self, stmt: syntax.Compound, state: State | None) -> State | None:
        declared: list[Object] = []
        for child in stmt.body:
            state = self._statement(child, state)
            if isinstance(child, syntax.Declare):
                declared.extend(
                    self._frame.variables[v] for v in child.variables
                    if not v.is_global and v in self._frame.variables
                )
        if state is not None:
            for object_ in declared:
                state.memory.forget(object_)
        return state

    def _label(self, stmt: syntax.Label, state: State | None) -> State | None:
        arriving = self._frame.gotos.pop(stmt.name, [])
        merged = self._merge([*([state] if state is not None else []), *arriving])
        return self._statement(stmt.body, merged)

    def _declare(self, variable: Variable, state: State) -> None:
        if variable.is_global:
            self.global_object(variable)
            return
        object_ = Object(variable.name, variable.type, ObjectKind.UNSET)
        self._frame.variables[variable] = object_
        if variable.initializer is not None:
            self._initialize(object_, 0, variable.type, variable.initializer, state)

    def _initialize(self, object_: Object, offset: int, type_: CType, value: Expr, state: State) -> None:
        if isinstance(value, syntax.InitList):
            filler = Object("zero", type_, ObjectKind.ZERO)
            state.memory.transfer(Place(filler, 0), Place(object_, offset), type_.bits)
            for target, inner in value.items:
                self._initialize_field(object_, offset, target, inner, state)
        elif isinstance(value, syntax.Text) and isinstance(type_, ArrayType):
            raise Refused("array made from a string", str(value.at))
        elif isinstance(type_, (RecordType, ArrayType)):
            source = self._aggregate(value, state)
            state.memory.transfer(source, Place(object_, offset), type_.bits)
        else:
            self._store_field(Place(object_, 0), Field("", offset, type_), value, state, object_.name)

    def _initialize_field(self, object_: Object, offset: int, target: Field, value: Expr,
                          state: State) -> None:
        if target.bit_width is not None:
            place = Place(object_, offset)
            self._store_field(place, target, value, state, object_.name)
        else:
            self._initialize(object_, offset + target.offset, target.type, value, state)

    def _store_field(self, base: Place, target: Field, value: Expr, state: State, name: str) -> None:
        converted = self._convert(self._value(value, state), value.type, target.type, value.at)
        if target.bit_width is not None and isinstance(converted, BitVec):
            converted = extract(converted, target.bit_width - 1, 0)
        state.memory.write(base.object, base.offset + target.offset, target.width, converted)
        if isinstance(converted, BitVec):
            self.steps.append(Step(value.at, name, state.guard, converted))

    def _if(self, stmt: syntax.If, state: State) -> State | None:
        condition = truth(self._value(stmt.condition, state))
        if condition is TRUE or all_of(state.guard, negate(condition)) is FALSE:
            return self._statement(stmt.then, state)
        if condition is FALSE or all_of(state.guard, condition) is FALSE:
            return self._statement(stmt.other, state) if stmt.other is not None else state
        otherwise: State | None = state.fork(negate(condition))
        before = state.guard
        then = self._statement(stmt.then, state.fork(condition))
        if stmt.other is not None:
            otherwise = self._statement(stmt.other, otherwise)
        if then is not None and otherwise is not None \
                and then.guard is all_of(before, condition) \
                and otherwise.guard is all_of(before, negate(condition)):
            then.memory.merge(condition, otherwise.memory)
            return State(before, then.memory)
        return self._merge([each for each in (then, otherwise) if each is not None])

    def _loop(self, stmt: syntax.Loop, state: State) -> State | None:
        if stmt.start is not None:
            after_start = self._statement(stmt.start, state)
            assert after_start is not None
            state = after_start
        current: State | None = state
        left: list[State] = []
        self._frame.breaks.append(left)
        test = stmt.test_first
        for _ in range(_LOOP_LIMIT):
            if current is None:
                break
            if test and stmt.condition is not None:
                condition = truth(self._value(stmt.condition, current))
                if all_of(current.guard, negate(condition)) is not FALSE:
                    left.append(current.fork(negate(condition)))
                if all_of(current.guard, condition) is FALSE:
                    break
                current = current.fork(condition)
            test = True
            continued: list[State] = []
            self._frame.continues.append(continued)
            end = self._statement(stmt.body, current)
            self._frame.continues.pop()
            current = self._merge([*([end] if end is not None else []), *continued])
            if current is not None and stmt.step is not None:
                self._evaluate(stmt.step, current)
        else:
            raise Refused(f"loop without a bound of at most {_LOOP_LIMIT} rounds", str(stmt.at))
        self._frame.breaks.pop()
        return self._merge(left)

    def _switch(self, stmt: syntax.Switch, state: State) -> State | None:
        selector = self._integer(stmt.condition, state)
        if not isinstance(stmt.body, syntax.Compound):
            raise Refused("switch without a block", str(stmt.at))
        matches: dict[syntax.Case, Bool] = {}
        for case in _cases(stmt.body):
            if case.low is None:
                continue
            assert case.high is not None
            if case.low == case.high:
                matches[case] = eq(selector, case.low)
            else:
                low, high = bv(case.low, selector.width), bv(case.high, selector.width)
                signed = isinstance(stmt.condition.type, IntType) and stmt.condition.type.signed
                matches[case] = (
                    all_of(sle(low, selector), sle(selector, high)) if signed
                    else all_of(ule(low, selector), ule(selector, high))
                )
        nothing = negate(any_of(*matches.values()))
        for case in _cases(stmt.body):
            if case.low is None:
                matches[case] = nothing
        has_default = any(case.low is None for case in matches)
        left: list[State] = []
        self._frame.breaks.append(left)
        current: State | None = None
        for child in stmt.body.body:
            inner = child
            while isinstance(inner, syntax.Case):
                entering = state.fork(matches[inner])
                current = self._merge([*([current] if current is not None else []), entering])
                inner = inner.body
            current = self._statement(inner, current)
        self._frame.breaks.pop()
        if not has_default:
            left.append(state.fork(nothing))
        return self._merge([*left, *([current] if current is not None else [])])

    def _return(self, stmt: syntax.Return, state: State) -> None:
        value: Value | None = None
        if stmt.value is not None and not isinstance(stmt.value.type, VoidType):
            if isinstance(stmt.value.type, RecordType):
                source = self._aggregate(stmt.value, state)
                result = Object(f"{self._frame.function}()", stmt.value.type, ObjectKind.UNSET)
                state.memory.transfer(source, Place(result, 0), stmt.value.type.bits)
                value = pointer_to(result)
            else:
                value = self._value(stmt.value, state)
                if isinstance(value, BitVec):
                    self.steps.append(Step(stmt.at, f"{self._frame.function}()", state.guard, value))
        elif stmt.value is not None:
            self._evaluate(stmt.value, state)
        self._frame.returns.append((state, value))

    # -- values -----------------------------------------------------------------------------------------------------

    def _evaluate(self, expr: Expr, state: State) -> None:
        """Run an expression for what it does."""
        if isinstance(expr, syntax.Cast) and isinstance(expr.type, VoidType):
            self._evaluate(expr.operand, state)
        elif isinstance(expr.type, VoidType) or isinstance(expr, (syntax.Call, syntax.StatementExpr)):
            self._any_value(expr, state)
        elif isinstance(expr.type, (RecordType, ArrayType)):
            if isinstance(expr, syntax.Assign):
                self._assign(expr, state)
        else:
            self._value(expr, state)

    def _any_value(self, expr: Expr, state: State) -> Value | Place | None:
        if isinstance(expr, syntax.Call):
            return self._call(expr, state)
        if isinstance(expr, syntax.StatementExpr):
            return self._statement_expr(expr, state)
        if isinstance(expr, syntax.Conditional) and isinstance(expr.type, VoidType):
            self._void_conditional(expr, state)
            return None
        if isinstance(expr, syntax.Binary) and expr.op is BinaryOp.COMMA:
            self._evaluate(expr.left, state)
            return self._any_value(expr.right, state)
        if isinstance(expr, syntax.Cast) and isinstance(expr.type, VoidType):
            self._evaluate(expr.operand, state)
            return None
        return self._value(expr, state)

    def _void_conditional(self, expr: syntax.Conditional, state: State) -> None:
        condition = truth(self._value(expr.condition, state))
        branches = [(condition, expr.then), (negate(condition), expr.other)]
        after: list[State] = []
        for guard, branch in branches:
            each = state.fork(guard)
            if each.guard is not FALSE:
                if branch is not None:
                    self._evaluate(branch, each)
                after.append(each)
        merged = self._merge(after)
        if merged is not None:
            state.memory, state.guard = merged.memory, merged.guard

    def _integer(self, expr: Expr, state: State) -> BitVec:
        value = self._value(expr, state)
        if isinstance(value, Pointer):
            raise Refused("a pointer used as a number", str(expr.at))
        return value

    def _value(self, expr: Expr, state: State) -> Value:
        """The value of an expression: an integer of the type's width, or a pointer."""
        handler = self._VALUES.get(type(expr))
        if handler is None:
            raise Refused(f"expression {type(expr).__name__}", str(expr.at))
        return handler(self, expr, state)

    def _constant(self, expr: syntax.Constant, state: State) -> Value:
        return bv(expr.value, expr.type.bits)

    def _text(self, expr: syntax.Text, state: State) -> Value:
        # Only ever handed on to printing functions, so what it holds does not matter.
        return pointer_to(Object(expr.text, expr.type, ObjectKind.ZERO))

    def _function_name(self, expr: syntax.FunctionName, state: State) -> Value:
        return Pointer((Target(TRUE, function=FunctionRef(expr.name, known=True)),))

    def _load(self, expr: Expr, state: State) -> Value:
        """The value that an lvalue holds."""
        if isinstance(expr.type, ArrayType):
            return self._decay(self._places(expr, state), expr)
        if isinstance(expr.type, RecordType):
            raise Refused("a struct where a scalar is meant", str(expr.at))
        width = expr.field.width if isinstance(expr, syntax.Member) else expr.type.bits
        result: Value | None = None
        for guard, place in self._places(expr, state):
            value = self._read(place, width, state, expr.at)
            result = value if result is None else choose(guard, value, result)
        if result is None:
            raise Refused("a null pointer is followed", str(expr.at))
        if isinstance(result, BitVec) and result.op is Op.VAR and result.name.endswith("(unset)"):
            raise Refused(f"undefined behaviour: {result.name.removesuffix(' (unset)')} is read "
                          "before it is set", str(expr.at))
        if isinstance(result, BitVec) and isinstance(expr.type, IntType):
            return resize(result, expr.type.bits, signed=expr.type.signed)
        return result

    def _read(self, place: Place, width: int, state: State, at: Location) -> Value:
        memory = self._constants.get(place.object, state.memory)
        try:
            return _fold(place, lambda offset: memory.read(place.object, offset, width))
        except Refused as refusal:
            raise Refused(refusal.reason, refusal.location or str(at)) from None

    def _decay(self, places: list[tuple[Bool, Place]], expr: Expr) -> Value:
        return Pointer(tuple(Target(guard, place) for guard, place in places))

    def _unary(self, expr: syntax.Unary, state: State) -> Value:
        op = expr.op
        if op is UnaryOp.DEREFERENCE:
            if isinstance(expr.type, FunctionType):
                return self._value(expr.operand, state)
            return self._load(expr, state)
        if op is UnaryOp.ADDRESS:
            if isinstance(expr.operand, syntax.FunctionName) or isinstance(expr.operand.type, FunctionType):
                return self._value(expr.operand, state)
            return Pointer(tuple(Target(g, place) for g, place in self._places(expr.operand, state)))
        if op in (UnaryOp.PRE_INC, UnaryOp.PRE_DEC, UnaryOp.POST_INC, UnaryOp.POST_DEC):
            return self._step_by_one(expr, state)
        if op is UnaryOp.LOGICAL_NOT:
            return as_int(negate(truth(self._value(expr.operand, state))))
        value = self._promoted(expr.operand, state)
        if op is UnaryOp.MINUS:
            return -value
        return ~value if op is UnaryOp.NOT else value

    def _step_by_one(self, expr: syntax.Unary, state: State) -> Value:
        old = self._load(expr.operand, state)
        up = expr.op in (UnaryOp.PRE_INC, UnaryOp.POST_INC)
        new: Value
        if isinstance(old, Pointer):
            new = self._advance(old, expr.operand.type, bv(1 if up else -1, 64), expr.at)
        elif isinstance(expr.operand.type, IntType) and expr.operand.type.is_bool:
            new = to_bv(TRUE, 8) if up else old ^ 1
        else:
            new = old + (1 if up else -1)
        self._store(expr.operand, new, state, expr.at)
        return new if expr.op in (UnaryOp.PRE_INC, UnaryOp.PRE_DEC) else old

    def _promoted_type(self, expr: Expr) -> IntType:
        if not isinstance(expr.type, IntType):
            raise Refused(f"{expr.type.name} where an integer is meant", str(expr.at))
        bit_width = expr.field.bit_width if isinstance(expr, syntax.Member) else None
        return promote(expr.type, bit_width)

    def _promoted(self, expr: Expr, state: State) -> BitVec:
        target = self._promoted_type(expr)
        value = self._convert(self._value(expr, state), expr.type, target, expr.at)
        assert isinstance(value, BitVec)
        return value

    def _binary(self, expr: syntax.Binary, state: State) -> Value:
        op = expr.op
        if op in (BinaryOp.LOGICAL_AND, BinaryOp.LOGICAL_OR):
            return self._short_circuit(expr, state)
        if op is BinaryOp.COMMA:
            self._evaluate(expr.left, state)
            return self._value(expr.right, state)
        left, right = self._value(expr.left, state), self._value(expr.right, state)
        if isinstance(left, Pointer) or isinstance(right, Pointer):
            return self._pointer_binary(expr, left, right)
        left_type, right_type = self._promoted_type(expr.left), self._promoted_type(expr.right)
        left, right = (
            self._convert(value, each.type, type_, expr.at)
            for value, each, type_ in ((left, expr.left, left_type), (right, expr.right, right_type))
        )
        assert isinstance(left, BitVec)
        assert isinstance(right, BitVec)
        return self._arithmetic(op, left, left_type, right, right_type, state, expr.at)

    def _arithmetic(self, op: BinaryOp, left: BitVec, left_type: IntType, right: BitVec, right_type: IntType,
                    state: State, at: Location) -> BitVec:
        """The value of ``left op right``; the operands have been promoted."""
        if op in (BinaryOp.SHL, BinaryOp.SHR):
            self._require(CheckKind.SHIFT, ult(right, left_type.bits), state, at)
            if right.width > left.width:
                # A count that does not fit is out of range anyway.
                count = ite(ult(right, left.width), resize(right, left.width), bv(left.width, left.width))
            else:
                count = resize(right, left.width)
            if op is BinaryOp.SHL:
                return left << count
            return ashr(left, count) if left_type.signed else left >> count
        common = usual_arithmetic(left_type, right_type)
        a = resize(left, common.bits, signed=left_type.signed)
        b = resize(right, common.bits, signed=right_type.signed)
        if op in (BinaryOp.DIV, BinaryOp.REM):
            defined = ne(b, 0)
            if common.signed:
                defined &= negate(all_of(eq(a, 1 << (common.bits - 1)), eq(b, -1)))
            self._require(CheckKind.DIVISION, defined, state, at)
        compare = _COMPARISONS.get(op)
        if compare is not None:
            return as_int(compare(a, b, common.signed))
        return _OPERATIONS[op](a, b, common.signed)

    def _pointer_binary(self, expr: syntax.Binary, left: Value, right: Value) -> Value:
        op = expr.op
        if op in (BinaryOp.EQ, BinaryOp.NE):
            a, b = (self._as_pointer(value, expr.at) for value in (left, right))
            same = same_place(a, b)
            return as_int(same if op is BinaryOp.EQ else negate(same))
        if op in (BinaryOp.ADD, BinaryOp.SUB) and isinstance(left, Pointer) != isinstance(right, Pointer):
            pointer, count = (left, right) if isinstance(left, Pointer) else (right, left)
            which, other = (expr.left, expr.right) if isinstance(left, Pointer) else (expr.right, expr.left)
            if isinstance(pointer, Pointer) and isinstance(count, BitVec) and isinstance(other.type, IntType) \
                    and not (op is BinaryOp.SUB and pointer is right):
                wide = resize(count, 64, signed=other.type.signed)
                return self._advance(pointer, which.type, -wide if op is BinaryOp.SUB else wide, expr.at)
        raise Refused(f"{op.value} on pointers", str(expr.at))

    def _as_pointer(self, value: Value, at: Location) -> Pointer:
        if isinstance(value, Pointer):
            return value
        if value.is_const and value.value == 0:
            return NULL
        raise Refused("a number used as a pointer", str(at))

    def _advance(self, pointer: Pointer, type_: CType, count: BitVec, at: Location) -> Pointer:
        """``pointer + count``, in elements of what ``type_`` points to."""
        element = type_.target if isinstance(type_, PointerType) else \
            type_.element if isinstance(type_, ArrayType) else None
        if element is None:
            raise Refused("arithmetic on something that is no pointer", str(at))
        stride = max(element.bits, 8)
        targets: list[Target] = []
        for target in pointer.targets:
            if target.place is None:
                raise Refused("arithmetic on a null or function pointer", str(at))
            place = target.place
            if count.is_const:
                signed = count.value - (1 << 64) if count.value >> 63 else count.value
                moved = Place(place.object, place.offset + signed * stride, place.dimensions)
            else:
                room = (place.object.type.bits - place.offset) // stride
                moved = Place(place.object, place.offset,
                              (*place.dimensions, Dimension(count, stride, room)))
            targets.append(Target(target.guard, moved))
        return Pointer(tuple(targets))

    def _short_circuit(self, expr: syntax.Binary, state: State) -> Value:
        left = truth(self._value(expr.left, state))
        is_and = expr.op is BinaryOp.LOGICAL_AND
        goes_on = left if is_and else negate(left)
        right = self._branch(goes_on, expr.right, state)
        if right is None:
            return as_int(left)
        return as_int(all_of(left, truth(right)) if is_and else any_of(left, truth(right)))

    def _branch(self, condition: Bool, expr: Expr, state: State) -> Value | None:
        """Evaluate ``expr`` only where ``condition`` holds; its effects happen there alone."""
        if all_of(state.guard, condition) is FALSE:
            return None
        if condition is TRUE or all_of(state.guard, negate(condition)) is FALSE:
            return self._value(expr, state)
        inner = state.fork(condition)
        value = self._value(expr, inner)
        if inner.guard is all_of(state.guard, condition):
            inner.memory.merge(condition, state.memory)
            state.memory = inner.memory
        else:
            merged = self._merge([inner, state.fork(negate(condition))])
            assert merged is not None
            state.memory, state.guard = merged.memory, merged.guard
        return value

    def _conditional(self, expr: syntax.Conditional, state: State) -> Value:
        first = self._value(expr.condition, state)
        condition = truth(first)
        if expr.then is None:
            then: Value | None = self._convert(first, expr.condition.type, expr.type, expr.at)
        else:
            then = self._branch(condition, expr.then, state)
            if then is not None:
                then = self._convert(then, expr.then.type, expr.type, expr.at)
        other = self._branch(negate(condition), expr.other, state)
        if other is not None:
            other = self._convert(other, expr.other.type, expr.type, expr.at)
        if then is None or other is None:
            chosen = then if then is not None else other
            if chosen is None:
                raise Refused("a choice that no path reaches", str(expr.at))
            return chosen
        return choose(condition, then, other)

    def _cast_value(self, expr: syntax.Cast, state: State) -> Value:
        value = self._value(expr.operand, state)
        return self._convert(value, expr.operand.type, expr.type, expr.at)

    def _convert(self, value: Value, source: CType, target: CType, at: Location) -> Value:
        """C's conversion of a value from one type to another."""
        if isinstance(target, IntType):
            if target.is_bool:
                return to_bv(truth(value), 8)
            if isinstance(value, Pointer):
                return self._address(value, target, at)
            signed = isinstance(source, IntType) and source.signed
            return resize(value, target.bits, signed=signed)
        if isinstance(target, PointerType):
            if isinstance(value, Pointer):
                return value
            if value.is_const and value.value == 0:
                return NULL
            raise Refused("a number turned into a pointer", str(at))
        if isinstance(target, VoidType | FunctionType):
            return value
        raise Refused(f"conversion to {target.name}", str(at))

    def _address(self, pointer: Pointer, target: IntType, at: Location) -> BitVec:
        """The number that a pointer has as an address: unknown, but the same for the same object."""
        result: BitVec | None = None
        for each in pointer.targets:
            if each.place is not None:
                if each.place.dimensions or each.place.offset % 8:
                    raise Refused("address of an array element with an unknown index", str(at))
                number = var(f"&{each.place.object.name}", 64) + each.place.offset // 8
            elif each.function is not None:
                number = var(f"&{each.function.name}", 64)
            else:
                number = bv(0, 64)
            result = number if result is None else ite(each.guard, number, result)
        assert result is not None
        return resize(result, target.bits)

    # -- places ------------------------------------------------------------------------------------------------------

    def _places(self, expr: Expr, state: State) -> list[tuple[Bool, Place]]:
        """Where an lvalue is, with the conditions that tell several places apart."""
        if isinstance(expr, syntax.Name):
            return [(TRUE, Place(self._object(expr.variable), 0))]
        if isinstance(expr, syntax.Member):
            if expr.arrow:
                base = self._follow(self._value(expr.base, state), state, expr.at)
            elif isinstance(expr.base, (syntax.Call, syntax.StatementExpr, syntax.Assign)):
                base = [(TRUE, self._aggregate(expr.base, state))]
            else:
                base = self._places(expr.base, state)
            return [(guard, Place(p.object, p.offset + expr.field.offset, p.dimensions)) for guard, p in base]
        if isinstance(expr, syntax.Index):
            return self._indexed(expr, state)
        if isinstance(expr, syntax.Unary) and expr.op is UnaryOp.DEREFERENCE:
            return self._follow(self._value(expr.operand, state), state, expr.at)
        if isinstance(expr, syntax.Cast) and isinstance(expr.type, (RecordType, ArrayType)):
            return self._places(expr.operand, state)
        if isinstance(expr, (syntax.Conditional, syntax.Call, syntax.StatementExpr, syntax.CompoundLiteral)):
            return [(TRUE, self._aggregate(expr, state))]
        raise Refused(f"{type(expr).__name__} where an object is meant", str(expr.at))

    def _object(self, variable: Variable) -> Object:
        if variable.is_global:
            return self.global_object(variable)
        for frame in reversed(self._frames):
            found = frame.variables.get(variable)
            if found is not None:
                return found
        raise Refused(f"variable {variable.name} outside its scope")

    def _follow(self, value: Value, state: State, at: Location) -> list[tuple[Bool, Place]]:
        pointer = self._as_pointer(value, at)
        if pointer.is_null is not FALSE and not _from_outside(pointer):
            self._require(CheckKind.NULL, negate(pointer.is_null), state, at)
        places = [(t.guard, t.place) for t in pointer.targets if t.place is not None]
        if not places:
            raise Refused("undefined behaviour: a null pointer is followed", str(at))
        return places

    def _indexed(self, expr: syntax.Index, state: State) -> list[tuple[Bool, Place]]:
        index = self._integer(expr.index, state)
        assert isinstance(expr.index.type, IntType)
        wide = resize(index, 64, signed=expr.index.type.signed)
        base_expr = expr.base.operand if isinstance(expr.base, syntax.Cast) else expr.base
        stride = expr.type.bits
        if isinstance(base_expr.type, ArrayType) and base_expr.type.count:
            count = base_expr.type.count
            places = self._places(base_expr, state)
            self._require(CheckKind.INDEX, ult(wide, count), state, expr.at)
            if wide.is_const and not wide.value < count:
                raise Refused(f"undefined behaviour: index {wide.value} of {count}", str(expr.at))
        else:
            places = self._follow(self._value(expr.base, state), state, expr.at)
            (_, first), *_rest = places
            count = (first.object.type.bits - first.offset) // stride
            if wide.is_const:
                signed = wide.value - (1 << 64) if wide.value >> 63 else wide.value
                return [(g, Place(p.object, p.offset + signed * stride, p.dimensions)) for g, p in places]
            self._require(CheckKind.INDEX, ult(wide, count), state, expr.at)
        if wide.is_const:
            return [(g, Place(p.object, p.offset + wide.value * stride, p.dimensions)) for g, p in places]
        dimension = Dimension(wide, stride, count)
        return [(g, Place(p.object, p.offset, (*p.dimensions, dimension))) for g, p in places]

    def _aggregate(self, expr: Expr, state: State) -> Place:
        """A place that holds the value of an expression of struct, union or array type."""
        if isinstance(expr, syntax.CompoundLiteral):
            made = Object("literal", expr.type, ObjectKind.UNSET)
            self._initialize(made, 0, expr.type, expr.value, state)
            return Place(made, 0)
        if isinstance(expr, syntax.Assign):
            self._assign(expr, state)
            return self._aggregate(expr.target, state)
        if isinstance(expr, syntax.Cast):
            return self._aggregate(expr.operand, state)
        if isinstance(expr, (syntax.Call, syntax.StatementExpr)):
            result = self._any_value(expr, state)
            if isinstance(result, Place):
                return result
            raise Refused("a struct that is no result", str(expr.at))
        if isinstance(expr, syntax.Conditional) and expr.then is not None:
            condition = truth(self._value(expr.condition, state))
            copies: list[State] = []
            made = Object("choice", expr.type, ObjectKind.UNSET)
            for guard, branch in ((condition, expr.then), (negate(condition), expr.other)):
                each = state.fork(guard)
                if each.guard is FALSE:
                    continue
                source = self._aggregate(branch, each)
                each.memory.transfer(source, Place(made, 0), expr.type.bits)
                copies.append(each)
            merged = self._merge(copies)
            assert merged is not None
            state.memory = merged.memory
            return Place(made, 0)
        places = self._places(expr, state)
        if len(places) == 1 and not places[0][1].dimensions:
            return places[0][1]
        raise Refused("a struct at an unknown place is copied", str(expr.at))

    # -- assignment -----------------------------------------------------------------------------------------------------

    def _assign(self, expr: syntax.Assign, state: State) -> Value:
        if isinstance(expr.type, RecordType):
            source = self._aggregate(expr.value, state)
            target = self._aggregate(expr.target, state)
            buffer = Object("copy", expr.type, ObjectKind.UNSET)
            state.memory.transfer(source, Place(buffer, 0), expr.type.bits)
            state.memory.transfer(Place(buffer, 0), target, expr.type.bits)
            state.memory.forget(buffer)
            return pointer_to(target.object, target.offset)
        if expr.op is None:
            value = self._value(expr.value, state)
            new = self._convert(value, expr.value.type, expr.target.type, expr.at)
        else:
            new = self._compound_value(expr, state)
        self._store(expr.target, new, state, expr.at)
        return self._load_again(expr.target, new)

    def _load_again(self, target: Expr, stored: Value) -> Value:
        """The value of an assignment: what the target holds now, which a bit-field may have cut off."""
        if isinstance(target, syntax.Member) and target.field.bit_width is not None \
                and isinstance(stored, BitVec) and isinstance(target.type, IntType):
            kept = extract(stored, target.field.bit_width - 1, 0)
            return resize(kept, target.type.bits, signed=target.type.signed)
        return stored

    def _compound_value(self, expr: syntax.Assign, state: State) -> Value:
        assert expr.op is not None
        right = self._value(expr.value, state)
        left = self._load(expr.target, state)
        if isinstance(left, Pointer):
            if expr.op not in (BinaryOp.ADD, BinaryOp.SUB) or isinstance(right, Pointer) \
                    or not isinstance(expr.value.type, IntType):
                raise Refused(f"{expr.op.value}= on a pointer", str(expr.at))
            wide = resize(right, 64, signed=expr.value.type.signed)
            return self._advance(left, expr.target.type, -wide if expr.op is BinaryOp.SUB else wide, expr.at)
        left_type, right_type = self._promoted_type(expr.target), self._promoted_type(expr.value)
        a = self._convert(left, expr.target.type, left_type, expr.at)
        b = self._convert(right, expr.value.type, right_type, expr.at)
        assert isinstance(a, BitVec)
        assert isinstance(b, BitVec)
        value = self._arithmetic(expr.op, a, left_type, b, right_type, state, expr.at)
        source = left_type if expr.op in (BinaryOp.SHL, BinaryOp.SHR) else \
            usual_arithmetic(left_type, right_type)
        return self._convert(value, source, expr.target.type, expr.at)

    def _store(self, target: Expr, value: Value, state: State, at: Location) -> None:
        while isinstance(target, syntax.Cast):
            target = target.operand
        width = target.field.width if isinstance(target, syntax.Member) else target.type.bits
        if isinstance(value, BitVec) and value.width > width:
            value = extract(value, width - 1, 0)
        places = self._places(target, state)
        for guard, place in places:
            if place.object in self._constants:
                raise Refused(f"{place.object.name} is const and is written", str(at))
            condition = guard if len(places) > 1 else TRUE
            self._write(place, width, value, condition, state, at)
        if isinstance(value, BitVec):
            self.steps.append(Step(at, _describe(target), state.guard, value))

    def _write(self, place: Place, width: int, value: Value, condition: Bool, state: State,
               at: Location) -> None:
        try:
            for choice, offset in _offsets(place):
                here = all_of(condition, choice)
                if here is FALSE:
                    continue
                new = value if here is TRUE else \
                    choose(here, value, state.memory.read(place.object, offset, width))
                state.memory.write(place.object, offset, width, new)
        except Refused as refusal:
            raise Refused(refusal.reason, refusal.location or str(at)) from None

    # -- calls ------------------------------------------------------------------------------------------------------------

    def _statement_expr(self, expr: syntax.StatementExpr, state: State) -> Value | Place | None:
        *body, last = expr.body.body or (syntax.Empty(expr.at),)
        declared: list[Object] = []
        current: State | None = State(state.guard, state.memory)
        for child in body:
            current = self._statement(child, current)
            if isinstance(child, syntax.Declare):
                declared.extend(self._frame.variables[v] for v in child.variables if not v.is_global)
        result: Value | Place | None = None
        if current is not None and isinstance(last, syntax.Evaluate) \
                and not isinstance(expr.type, VoidType):
            if isinstance(expr.type, RecordType):
                source = self._aggregate(last.expr, current)
                made = Object("({ })", expr.type, ObjectKind.UNSET)
                current.memory.transfer(source, Place(made, 0), expr.type.bits)
                result = Place(made, 0)
            else:
                result = self._any_value(last.expr, current)
        else:
            current = self._statement(last, current)
        if current is None:
            if not isinstance(expr.type, VoidType):
                raise Refused("({ }) that is left by a jump", str(expr.at))
            state.guard = FALSE
            return None
        for object_ in declared:
            current.memory.forget(object_)
        state.memory, state.guard = current.memory, current.guard
        return result

    def _value_of_statement_expr(self, expr: syntax.StatementExpr, state: State) -> Value:
        result = self._statement_expr(expr, state)
        if result is None or isinstance(result, Place):
            raise Refused("({ }) without a value", str(expr.at))
        return result

    def _value_of_call(self, expr: syntax.Call, state: State) -> Value:
        result = self._call(expr, state)
        if result is None or isinstance(result, Place):
            if state.guard is FALSE and not isinstance(expr.type, (RecordType, VoidType)):
                # The call does not return; what follows is never reached.
                return NULL if isinstance(expr.type, PointerType) else bv(0, expr.type.bits)
            raise Refused("a call without a value where one is meant", str(expr.at))
        return result

    def _call(self, expr: syntax.Call, state: State) -> Value | Place | None:
        function, known = self._callee(expr, state)
        intrinsic = _INTRINSICS.get(function) if known else None
        if intrinsic is not None:
            return intrinsic(self, expr, state)
        cut = self._cuts.get(function)
        if cut is not None:
            return self._cut(cut, expr, state)
        definition = self._definitions.find_function(function) if known else None
        if definition is None:
            raise Refused(f"call of {function}(): neither lifted nor on the list of cuts", str(expr.at))
        if len(expr.arguments) != len(definition.parameters):
            raise Refused(f"call of {function}() with a variable number of arguments", str(expr.at))
        arguments: list[Value | Place] = []
        for argument, parameter in zip(expr.arguments, definition.parameters, strict=True):
            if isinstance(parameter.type, RecordType):
                arguments.append(self._aggregate(argument, state))
            else:
                value = self._value(argument, state)
                arguments.append(self._convert(value, argument.type, parameter.type, expr.at))
        result, after = self._call_function(definition, arguments, state, expr.at)
        state.memory, state.guard = after.memory, after.guard
        return result

    def _callee(self, expr: syntax.Call, state: State) -> tuple[str, bool]:
        """The name of what is called, and whether it is a function rather than a pointer's path."""
        value = self._value(expr.callee, state)
        functions = [t.function for t in self._as_pointer(value, expr.at).targets if t.function is not None]
        if len(functions) != 1:
            raise Refused("call through a pointer that may lead to several functions", str(expr.at))
        name = functions[0].name
        # A static call names its trampoline; the key behind the prefix is what a person calls it.
        return name.removeprefix("__SCT__"), functions[0].known

    def _cut(self, cut: Cut, expr: syntax.Call, state: State) -> Value | None:
        self.cut_calls[CutCall(cut, expr.at)] = None
        arguments = [
            None if isinstance(argument.type, RecordType) else self._value(argument, state)
            for argument in expr.arguments
        ]
        for position, path in cut.writes:
            pointer = arguments[position] if position < len(arguments) else None
            if not isinstance(pointer, Pointer):
                raise Refused(f"cut {cut.function}: argument {position} is no pointer", str(expr.at))
            for target in pointer.targets:
                if target.place is not None:
                    self._make_unknown(cut, target.place, _pointee(expr.arguments[position]), path, state, expr.at)
        for name in cut.writes_globals:
            if name in self._globals_by_name:
                state.memory.make_unknown(self._globals_by_name[name])
            else:
                raise Refused(f"cut {cut.function}: no object {name} is known here", str(expr.at))
        if isinstance(expr.type, VoidType):
            return None
        constants = [a.value for a in arguments if isinstance(a, BitVec) and a.is_const]
        name = f"{cut.function}()"
        if cut.repeatable:
            if len(constants) != len(arguments):
                raise Refused(f"cut {cut.function}: repeatable, but an argument is no constant",
                              str(expr.at))
            name = f"{cut.function}({', '.join(map(str, constants))})"
        if isinstance(expr.type, PointerType):
            count = self._counts[name] = self._counts.get(name, 0) + 1
            holder = Object(name, expr.type, ObjectKind.INPUT)
            return input_pointer(holder, name if count == 1 else f"{name}#{count}", expr.type)
        if not isinstance(expr.type, IntType):
            raise Refused(f"cut {cut.function}: a result of type {expr.type.name}", str(expr.at))
        width = 1 if expr.type.is_bool else expr.type.bits
        result = var(name, width) if cut.repeatable else self.fresh(name, width)
        if cut.result_mask is not None:
            result = result & cut.result_mask
        return resize(result, expr.type.bits)

    def _make_unknown(self, cut: Cut, place: Place, type_: CType | None, path: str, state: State,
                      at: Location) -> None:
        if not path:
            state.memory.make_unknown(place.object)
            return
        count = self._counts[cut.function] = self._counts.get(cut.function, 0) + 1
        try:
            if not isinstance(type_, RecordType) or place.dimensions:
                raise KeyError(path)
            member = _first_member(type_, path.split("|"))
        except KeyError:
            raise Refused(f"cut {cut.function}: {place.object.name} has no {path}", str(at)) from None
        state.memory.make_range_unknown(
            place.object, place.offset + member.offset, member.width, f"{cut.function}() #{count}"
        )

    # -- intrinsics ----------------------------------------------------------------------------------------------------------

    def _warn(self, expr: syntax.Call, state: State) -> Value:
        fires = truth(self._value(expr.arguments[0], state))
        self._require(CheckKind.WARN, negate(fires), state, expr.at)
        return as_int(fires)

    def _bug(self, expr: syntax.Call, state: State) -> Value | None:
        fires = truth(self._value(expr.arguments[0], state))
        self._require(CheckKind.BUG, negate(fires), state, expr.at)
        state.guard = all_of(state.guard, negate(fires))
        return None

    def _build_bug(self, expr: syntax.Call, state: State) -> Value | None:
        fires = truth(self._value(expr.arguments[0], state))
        self._require(CheckKind.BUILD, negate(fires), state, expr.at)
        return None

    def _unreachable(self, expr: syntax.Call, state: State) -> Value | None:
        self._require(CheckKind.BUG, FALSE, state, expr.at)
        state.guard = FALSE
        return None

    def _expect(self, expr: syntax.Call, state: State) -> Value:
        return self._value(expr.arguments[0], state)

    def _is_constant(self, expr: syntax.Call, state: State) -> Value:
        return as_int(TRUE if isinstance(expr.arguments[0], syntax.Constant) else FALSE)

    def _count_bits(self, expr: syntax.Call, state: State) -> Value:
        value = self._integer(expr.arguments[0], state)
        total = bv(0, 32)
        for index in range(value.width):
            total = total + resize(extract(value, index, index), 32)
        return total

    def _nothing(self, expr: syntax.Call, state: State) -> Value | None:
        return None

    _VALUES: dict[type[Expr], Callable[..., Value]] = {
        syntax.Constant: _constant,
        syntax.Text: _text,
        syntax.Name: _load,
        syntax.FunctionName: _function_name,
        syntax.Member: _load,
        syntax.Index: _load,
        syntax.Unary: _unary,
        syntax.Binary: _binary,
        syntax.Assign: _assign,
        syntax.Cast: _cast_value,
        syntax.Conditional: _conditional,
        syntax.Call: _value_of_call,
        syntax.StatementExpr: _value_of_statement_expr,
        syntax.CompoundLiteral: _load,
    }


_INTRINSICS: Mapping[str, Callable[[Machine, syntax.Call, State], Value | None]] = {
    "__mmuproof_warn": Machine._warn,
    "__mmuproof_bug": Machine._bug,
    "__mmuproof_build_bug": Machine._build_bug,
    "__builtin_unreachable": Machine._unreachable,
    "__builtin_expect": Machine._expect,
    "__builtin_constant_p": Machine._is_constant,
    "__builtin_popcount": Machine._count_bits,
    "__builtin_popcountl": Machine._count_bits,
    "__builtin_popcountll": Machine._count_bits,
}

_COMPARISONS: Mapping[BinaryOp, Callable[[BitVec, BitVec, bool], Bool]] = {
    BinaryOp.EQ: lambda a, b, _signed: eq(a, b),
    BinaryOp.NE: lambda a, b, _signed: ne(a, b),
    BinaryOp.LT: lambda a, b, signed: slt(a, b) if signed else ult(a, b),
    BinaryOp.LE: lambda a, b, signed: sle(a, b) if signed else ule(a, b),
    BinaryOp.GT: lambda a, b, signed: slt(b, a) if signed else ult(b, a),
    BinaryOp.GE: lambda a, b, signed: sle(b, a) if signed else ule(b, a),
}

_OPERATIONS: Mapping[BinaryOp, Callable[[BitVec, BitVec, bool], BitVec]] = {
    BinaryOp.ADD: lambda a, b, _signed: a + b,
    BinaryOp.SUB: lambda a, b, _signed: a - b,
    BinaryOp.MUL: lambda a, b, _signed: a * b,
    BinaryOp.DIV: lambda a, b, signed: sdiv(a, b) if signed else udiv(a, b),
    BinaryOp.REM: lambda a, b, signed: srem(a, b) if signed else urem(a, b),
    BinaryOp.AND: lambda a, b, _signed: a & b,
    BinaryOp.OR: lambda a, b, _signed: a | b,
    BinaryOp.XOR: lambda a, b, _signed: a ^ b,
}


def _telling(mine: Bool, other: Bool) -> Bool:
    """A condition that holds on one path and not on the other; both never hold at once.

    What the two guards have in common tells nothing, so only what ``mine`` adds is kept.
    """
    if mine.op is Op.AND and other.op is Op.AND:
        rest = [arg for arg in mine.args if arg not in other.args]
        if rest and all(isinstance(arg, Bool) for arg in rest):
            return all_of(*rest)  # type: ignore[arg-type]
    return mine


def _covers(guard: Bool, parts: list[Bool]) -> bool:
    """Whether the paths in ``parts`` are all of the path ``guard``, as far as simplification shows."""
    return all_of(guard, negate(any_of(*parts))) is FALSE


def _from_outside(pointer: Pointer) -> bool:
    """Whether a pointer is an input: its owner is taken to keep it valid (see SOUNDNESS.md)."""
    return any(t.place is not None and t.place.object.by_pointer for t in pointer.targets)


def _offsets(place: Place) -> list[tuple[Bool, int]]:
    """Every offset that a place may have, with its condition."""
    choices = [(TRUE, place.offset)]
    for dimension in place.dimensions:
        if len(choices) * dimension.count > _UNROLL_CHOICES:
            raise Refused(f"an unknown index into {place.object.name} has too many values")
        choices = [
            (all_of(condition, eq(dimension.index, index)), offset + index * dimension.stride)
            for condition, offset in choices
            for index in range(dimension.count)
        ]
    return choices


def _fold(place: Place, read: Callable[[int], Value]) -> Value:
    """The value at a place, whichever of its offsets it has; outside the array, the last element."""
    if not place.dimensions:
        return read(place.offset)
    result: Value | None = None
    for condition, offset in reversed(_offsets(place)):
        value = read(offset)
        result = value if result is None else choose(condition, value, result)
    assert result is not None
    return result


def _cases(stmt: Stmt) -> list[syntax.Case]:
    """The case labels of a switch's block."""
    found: list[syntax.Case] = []
    if isinstance(stmt, syntax.Compound):
        for child in stmt.body:
            inner = child
            while isinstance(inner, syntax.Case):
                found.append(inner)
                inner = inner.body
            if any(True for _ in _nested_cases(inner)):
                raise Refused("case label inside another statement", str(inner.at))
    return found


def _nested_cases(stmt: Stmt) -> list[syntax.Case]:
    return [each for each in _below(stmt) if isinstance(each, syntax.Case)]


def _labels(stmt: Stmt) -> list[str]:
    return [each.name for each in _below(stmt) if isinstance(each, syntax.Label)]


def _below(stmt: Stmt) -> list[Stmt]:
    """A statement and all inside it, but for the inside of a nested switch's own labels."""
    children: list[Stmt] = []
    if isinstance(stmt, syntax.Compound):
        children = list(stmt.body)
    elif isinstance(stmt, syntax.If):
        children = [stmt.then, *([stmt.other] if stmt.other is not None else [])]
    elif isinstance(stmt, syntax.Loop | syntax.Label | syntax.Case):
        children = [stmt.body]
    elif isinstance(stmt, syntax.Switch):
        return [stmt]
    return [stmt, *(inner for child in children for inner in _below(child))]


def _first_member(record: RecordType, paths: Sequence[str]) -> Field:
    """The first of several paths that a struct has; kernels move members."""
    for path in paths:
        with suppress(KeyError):
            return member_at(record, path)
    raise KeyError(" or ".join(paths))


def _pointee(argument: Expr) -> CType | None:
    """What the argument of a call points to, by its type."""
    return argument.type.target if isinstance(argument.type, PointerType) else None


def _describe(expr: Expr) -> str:
    """An lvalue as it is written."""
    if isinstance(expr, syntax.Name):
        return expr.variable.name
    if isinstance(expr, syntax.Member):
        base = _describe(expr.base)
        if not expr.field.name:
            return base
        return f"{base}{'->' if expr.arrow else '.'}{expr.field.name}"
    if isinstance(expr, syntax.Index):
        return f"{_describe(expr.base)}[{_describe(expr.index)}]"
    if isinstance(expr, syntax.Cast):
        return _describe(expr.operand)
    if isinstance(expr, syntax.Unary):
        return f"{expr.op.value}{_describe(expr.operand)}"
    if isinstance(expr, syntax.Constant):
        return str(expr.value)
    return "…"
