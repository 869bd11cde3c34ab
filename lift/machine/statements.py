"""Statements, declarations and initializers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from mmuproof.lift import syntax
from mmuproof.lift.c_types import ArrayType, CType, RecordType, StructMember, VoidType
from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.core import Definitions, Located
from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.expressions import Expressions
from mmuproof.lift.machine.findings import NotedStep
from mmuproof.lift.machine.memory import Memory
from mmuproof.lift.machine.places import constant_bytes
from mmuproof.lift.machine.state import Block, Frame, State, meet
from mmuproof.lift.machine.values import Object, ObjectKind, Place, Value, truth
from mmuproof.lift.syntax import Expr, Stmt, Variable
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, any_of, bv, eq, negate, sle, ule

_ROUNDS = 1024


class Statements(Expressions):
    """The part of the machine that runs statements; see `mmuproof.lift.machine.machine.Machine`."""

    undecided_rounds: ClassVar[int] = 128
    """How often a loop goes round while it is not certain that it does."""

    def __init__(self, definitions: Definitions, cuts: Sequence[Cut] = ()) -> None:
        super().__init__(definitions, cuts)
        self._globals: dict[Variable, Object] = {}

    def _statement(self, stmt: Stmt, state: State) -> State | None:
        """Run a statement; None stands for a path that does not get to its end."""
        # Where paths meet, a refusal does not know its place.
        with Located(stmt.at):
            return self._run_statement(stmt, state)

    def _run_statement(self, stmt: Stmt, state: State) -> State | None:
        if isinstance(stmt, syntax.Evaluate):
            self._evaluate(stmt.expr, state)
            return state
        if isinstance(stmt, syntax.Declare):
            for variable in stmt.variables:
                self._declare(variable, state)
            return state
        if isinstance(stmt, syntax.Compound):
            return self._block(stmt.body, state)
        if isinstance(stmt, syntax.If):
            return self._if(stmt, state)
        if isinstance(stmt, syntax.Return):
            self._return(stmt, state)
            return None
        if isinstance(stmt, syntax.Loop):
            return self._loop(stmt, state)
        if isinstance(stmt, syntax.Switch):
            return self._switch(stmt, state)
        if isinstance(stmt, syntax.Goto):
            self._goto(stmt, state)
            return None
        if isinstance(stmt, syntax.Break):
            self._frame.breaks[-1].append(state)
            return None
        if isinstance(stmt, syntax.Continue):
            self._frame.continues[-1].append(state)
            return None
        if isinstance(stmt, syntax.Empty):
            return state
        if isinstance(stmt, syntax.Label):
            # A label below an if or a loop: no goto leads here, or it has been refused.
            return self._statement(stmt.body, state)
        raise Refused(f"statement {type(stmt).__name__}", str(stmt.at))

    # -- blocks and labels ------------------------------------------------------------------------

    def _block(self, body: Sequence[Stmt], state: State) -> State | None:
        block = self._enter(body)
        current: State | None = state
        for child in body:
            current = self._child(child, current, block)
        return self._leave(block, current)

    def _enter(self, body: Sequence[Stmt]) -> Block:
        block = Block(frozenset(label for child in body for label in _labels(child)))
        self._frame.blocks.append(block)
        return block

    def _leave(self, block: Block, state: State | None) -> State | None:
        self._frame.blocks.pop()
        for object_ in block.declared:
            object_.ended = True
            if state is not None:
                state.memory.forget(object_)
        return state

    def _child(self, stmt: Stmt, state: State | None, block: Block) -> State | None:
        """Run a statement of a block, which a path may reach by a label only."""
        while isinstance(stmt, syntax.Label):
            block.passed.add(stmt.name)
            state = meet([state, *block.waiting.pop(stmt.name, [])])
            stmt = stmt.body
        if isinstance(stmt, syntax.Declare):
            for variable in stmt.variables:
                if not variable.is_global:
                    # Also where no path comes from above: a label or case further on may use it.
                    zeroed = state is not None and isinstance(variable.initializer, syntax.InitList)
                    kind = ObjectKind.ZERO if zeroed else ObjectKind.UNSET
                    made = Object(name=variable.name, type=variable.type, kind=kind)
                    self._frame.variables[variable] = made
                    block.declared.append(made)
        if state is None or state.is_dead:
            return None
        return self._statement(stmt, state)

    def _goto(self, stmt: syntax.Goto, state: State) -> None:
        for block in reversed(self._frame.blocks):
            if stmt.name in block.labels:
                if stmt.name in block.passed:
                    raise Refused(f"goto {stmt.name} jumps backwards", str(stmt.at))
                block.waiting.setdefault(stmt.name, []).append(state)
                return
        raise Refused(f"goto {stmt.name} jumps into a statement", str(stmt.at))

    # -- declarations -----------------------------------------------------------------------------

    def _declare(self, variable: Variable, state: State) -> None:
        if variable.is_global:
            self.global_object(variable)
        elif variable.initializer is not None:
            place = Place(self._frame.variables[variable], 0)
            self._initialize(place, variable.type, variable.initializer, state, variable.name)

    def _initialize(self, place: Place, type_: CType, value: Expr, state: State, name: str) -> None:
        if isinstance(value, syntax.InitList):
            object_ = place.object
            if object_.kind is not ObjectKind.ZERO or object_.type is not type_:
                filler = Object(name="zero", type=type_, kind=ObjectKind.ZERO)
                self._transfer(Place(filler, 0), place, type_.bits, state, value.at)
            for target, inner in value.items:
                inner_name = f"{name}.{target.name}" if target.name else name
                if target.bit_width is None:
                    self._initialize(place.moved(target.offset), target.type, inner, state, inner_name)
                else:
                    self._initialize_scalar(place, target, inner, state, inner_name)
        elif isinstance(type_, ArrayType) and isinstance(value, syntax.Text):
            source = constant_bytes(name, type_, value.text, value.at)
            self._transfer(Place(source, 0), place, type_.bits, state, value.at)
        elif isinstance(type_, RecordType | ArrayType):
            self._transfer(self._aggregate(value, state), place, type_.bits, state, value.at)
        else:
            self._initialize_scalar(place, StructMember("", 0, type_), value, state, name)

    def _initialize_scalar(self, base: Place, target: StructMember, value: Expr, state: State, name: str) -> None:
        converted = self._convert(self._value(value, state), value.type, target.type, value.at)
        self._write([(TRUE, base.moved(target.offset))], target.width, converted, state, value.at)
        if isinstance(converted, BitVec):
            self.steps.append(NotedStep(value.at, name, state.guard, converted))

    def global_object(self, variable: Variable) -> Object:
        """The object that holds a variable with static storage."""
        found = self._globals.get(variable)
        if found is not None:
            return found
        if variable.initializer is None:
            found = self._globals[variable] = Object(name=variable.name, type=variable.type, kind=ObjectKind.INPUT)
            return found
        found = self._globals[variable] = Object(name=variable.name, type=variable.type, kind=ObjectKind.ZERO)
        state = State(TRUE, Memory())
        self._frames.append(Frame(function=variable.name))
        steps = len(self.steps)
        try:
            self._initialize(Place(found, 0), variable.type, variable.initializer, state, variable.name)
        finally:
            self._frames.pop()
            del self.steps[steps:]
        state.memory.freeze(found)
        return found

    # -- control ----------------------------------------------------------------------------------

    def _if(self, stmt: syntax.If, state: State) -> State | None:
        condition = truth(self._value(stmt.condition, state))
        if all_of(state.guard, negate(condition)) is FALSE:
            return self._statement(stmt.then, state) if not state.is_dead else None
        if all_of(state.guard, condition) is FALSE:
            return self._statement(stmt.other, state) if stmt.other is not None else state
        otherwise: State | None = state.fork(negate(condition))
        then = self._statement(stmt.then, state.fork(condition))
        if stmt.other is not None and otherwise is not None:
            otherwise = self._statement(stmt.other, otherwise)
        return meet([then, otherwise])

    def _loop(self, stmt: syntax.Loop, state: State) -> State | None:
        # The variables of a for's first part live as long as the loop.
        block = self._enter(())
        entered = self._child(stmt.start, state, block) if stmt.start is not None else state
        left: list[State] = []
        self._frame.breaks.append(left)
        self._rounds(stmt, entered, left)
        self._frame.breaks.pop()
        return self._leave(block, meet(left))

    def _rounds(self, stmt: syntax.Loop, current: State | None, left: list[State]) -> None:
        test, undecided = stmt.test_first, 0
        for _ in range(_ROUNDS):
            if current is None or current.is_dead:
                return
            if test and stmt.condition is not None:
                condition = truth(self._value(stmt.condition, current))
                leaving = current.fork(negate(condition))
                if not leaving.is_dead:
                    left.append(leaving)
                    undecided += 1
                current = current.fork(condition)
                if current.is_dead:
                    return
                if undecided > self.undecided_rounds:
                    break
            test = True
            continued: list[State] = []
            self._frame.continues.append(continued)
            end = self._statement(stmt.body, current)
            self._frame.continues.pop()
            current = meet([end, *continued])
            if current is not None and stmt.step is not None:
                self._evaluate(stmt.step, current)
        raise Refused("a loop whose bound is not known", str(stmt.at))

    def _switch(self, stmt: syntax.Switch, state: State) -> State | None:
        selector = self._value(stmt.condition, state)
        if not isinstance(selector, BitVec):
            raise Refused("switch on a pointer", str(stmt.at))
        if not isinstance(stmt.body, syntax.Compound):
            raise Refused("switch without a block", str(stmt.at))
        cases = _cases(stmt.body)
        signed = getattr(stmt.condition.type, "signed", False)
        matches = {case: _matches(case, selector, signed) for case in cases if case.low is not None}
        nothing = negate(any_of(*matches.values()))
        has_default = any(case.low is None for case in cases)
        left: list[State] = []
        self._frame.breaks.append(left)
        block = self._enter(stmt.body.body)
        current: State | None = None
        for child in stmt.body.body:
            inner = child
            while isinstance(inner, syntax.SwitchCase):
                current = meet([current, state.fork(matches.get(inner, nothing))])
                inner = inner.body
            current = self._child(inner, current, block)
        self._frame.breaks.pop()
        if not has_default:
            left.append(state.fork(nothing))
        return self._leave(block, meet([*left, current]))

    def _return(self, stmt: syntax.Return, state: State) -> None:
        value: Value | None = None
        result = self._frame.result
        if stmt.value is None or isinstance(stmt.value.type, VoidType):
            if stmt.value is not None:
                self._evaluate(stmt.value, state)
        elif result is not None:
            source = self._aggregate(stmt.value, state)
            self._transfer(source, Place(result, 0), result.type.bits, state, stmt.at)
        else:
            value = self._value(stmt.value, state)
            if isinstance(value, BitVec):
                self.steps.append(NotedStep(stmt.at, f"{self._frame.function}()", state.guard, value))
        self._frame.returns.append((state, value))

    def _statement_expr(self, expr: syntax.StatementExpr, state: State) -> Value | Place | None:
        body = expr.body.body
        block = self._enter(body)
        current: State | None = State(state.guard, state.memory)
        result: Value | Place | None = None
        for number, child in enumerate(body):
            is_value = number == len(body) - 1 and isinstance(child, syntax.Evaluate)
            if is_value and current is not None and not isinstance(expr.type, VoidType):
                result = self._last_value(child.expr, expr, current)  # type: ignore[attr-defined]
            else:
                current = self._child(child, current, block)
        state.become(self._leave(block, current))
        return result

    def _last_value(self, last: Expr, expr: Expr, state: State) -> Value | Place:
        if not isinstance(expr.type, RecordType):
            return self._value(last, state)
        made = Object(name="({ })", type=expr.type, kind=ObjectKind.UNSET)
        self._transfer(self._aggregate(last, state), Place(made, 0), expr.type.bits, state, expr.at)
        return Place(made, 0)


def _matches(case: syntax.SwitchCase, selector: BitVec, signed: bool) -> Bool:
    assert case.low is not None
    assert case.high is not None
    if case.low == case.high:
        return eq(selector, case.low)
    low, high = bv(case.low, selector.width), bv(case.high, selector.width)
    if signed:
        return all_of(sle(low, selector), sle(selector, high))
    return all_of(ule(low, selector), ule(selector, high))


def _cases(body: syntax.Compound) -> list[syntax.SwitchCase]:
    """The case labels of a switch's block."""
    found: list[syntax.SwitchCase] = []
    for child in body.body:
        inner = child
        while isinstance(inner, syntax.SwitchCase):
            found.append(inner)
            inner = inner.body
        nested = next((each for each in _below(inner) if isinstance(each, syntax.SwitchCase)), None)
        if nested is not None:
            raise Refused("case label inside another statement", str(nested.at))
    return found


def _labels(stmt: Stmt) -> list[str]:
    """The labels in front of a statement."""
    found: list[str] = []
    while isinstance(stmt, syntax.Label | syntax.SwitchCase):
        if isinstance(stmt, syntax.Label):
            found.append(stmt.name)
        stmt = stmt.body
    return found


def _below(stmt: Stmt) -> list[Stmt]:
    """A statement and all inside it, but for the inside of a nested switch."""
    children: list[Stmt] = []
    if isinstance(stmt, syntax.Compound):
        children = list(stmt.body)
    elif isinstance(stmt, syntax.If):
        children = [stmt.then, *([stmt.other] if stmt.other is not None else [])]
    elif isinstance(stmt, syntax.Loop | syntax.Label | syntax.SwitchCase):
        children = [stmt.body]
    return [stmt, *(inner for child in children for inner in _below(child))]
