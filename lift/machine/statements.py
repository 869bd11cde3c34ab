"""Statements: which paths a function takes, and where they meet again."""

from __future__ import annotations

from collections.abc import Sequence

from mmuproof.lift import syntax
from mmuproof.lift.c_types import FunctionType, PointerType, RecordType, VoidType
from mmuproof.lift.errors import NotFollowed, Refused
from mmuproof.lift.machine.access import MemoryAccess
from mmuproof.lift.machine.asked_values import Evaluation, Result
from mmuproof.lift.machine.execution import Execution
from mmuproof.lift.machine.findings import NotedStep, WentBack
from mmuproof.lift.machine.located import Located
from mmuproof.lift.machine.rounds import any_round
from mmuproof.lift.machine.run_limits import RunLimits, TooMuch
from mmuproof.lift.machine.state import Block, OneStep, State, WayOut, meet
from mmuproof.lift.machine.values import Object, ObjectKind, Place, Value, truth
from mmuproof.lift.machine.variables import Variables
from mmuproof.lift.syntax import Expr, Location, Stmt, UnaryOp, Variable
from mmuproof.lift.tree.overlay import EXCHANGED
from mmuproof.smt.graph import possible_values
from mmuproof.smt.terms import FALSE, BitVec, Bool, all_of, any_of, bv, eq, negate, sle, ule

_CASES = 1024
"""A switch with more cases is given up: its paths meet in time that grows with the square of their number."""
_ROUNDS = 1024


class Statements:
    """Runs statements.

    Args:
        run: where the innermost function's blocks, loops and returns are.
        access: to memory.
        values: evaluates the expressions in them.
        variables: declares what they declare.
        limits: how far loops go round, and how many statements are run.
    """

    def __init__(
        self, *, run: Execution, access: MemoryAccess, values: Evaluation, variables: Variables, limits: RunLimits
    ) -> None:
        self._run, self._access, self._values, self._variables = run, access, values, variables
        self._undecided_rounds, self._most_statements = limits.undecided_rounds, limits.statements
        self._statements_left = self._most_statements
        self._any_round, self._goes_back = limits.any_round, limits.goes_back

    def statement(self, stmt: Stmt, state: State) -> State | None:
        """Run a statement; None stands for a path that does not get to its end.

        Raises:
            TooMuch: more statements have been run than may be.
            Refused: something in it is not understood.
        """
        # Where paths meet, a refusal does not know its place.
        with Located(stmt.at):
            self._statements_left -= 1
            if self._statements_left < 0:
                raise TooMuch(f"more code is run than is worth it: over {self._most_statements} statements")
            self._run.ran[stmt] = None
            if isinstance(stmt, syntax.Evaluate):
                self._values.evaluate(stmt.expr, state)
                return state
            if isinstance(stmt, syntax.Declare):
                for variable in stmt.variables:
                    if variable.name in EXCHANGED:
                        self._run.one_step = OneStep.BEGINS
                    self._variables.declare(variable, state)
                return state
            if isinstance(stmt, syntax.Compound):
                return self._block(stmt, state)
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
                self._leave_by(self._run.frame.breaks[-1], state)
                return None
            if isinstance(stmt, syntax.Continue):
                self._leave_by(self._run.frame.continues[-1], state)
                return None
            if isinstance(stmt, syntax.Empty):
                return state
            if isinstance(stmt, syntax.Label):
                # A label below an if or a loop: no goto leads here, or it has been refused.
                return self.statement(stmt.body, state)
            raise Refused(f"statement {type(stmt).__name__}", str(stmt.at))

    # -- blocks and labels ------------------------------------------------------------------------

    def _block(self, stmt: syntax.Compound, state: State) -> State | None:
        label = next(iter(_labels(stmt.body[0])), "") if stmt.body else ""
        if not label or self._run.function not in self._any_round:
            return self._whole_block(stmt.body, state, self._enter(stmt.body))
        ended: list[State] = []
        self._run.frame.ends.append(ended)
        any_round(self._run, stmt.at, state, lambda each: self._anew(stmt.body, each, ended), label=label)
        self._run.frame.ends.pop()
        return meet(ended)

    def _whole_block(self, body: Sequence[Stmt], state: State, block: Block) -> State | None:
        current: State | None = state
        for child in body:
            current = self._child(child, current, block)
        return self._leave(block, current)

    def _anew(self, body: Sequence[Stmt], state: State, ended: list[State]) -> State | None:
        """Run a block that may go back to its beginning; the state in which it does.

        The state in which it comes to its end is added to ``ended``.
        """
        block = self._enter(body)
        block.again = {label: [] for label in _labels(body[0])}
        end = self._whole_block(body, state, block)
        if end is not None and not end.is_dead:
            ended.append(end)
        again = meet(each for states in block.again.values() for each in states)
        if again is not None:
            for object_ in block.declared:
                again.memory.forget(object_)
        return again

    def _enter(self, body: Sequence[Stmt]) -> Block:
        labels = frozenset(label for child in body for label in _labels(child))
        block = Block(labels=labels, one_step=self._run.one_step)
        self._run.frame.blocks.append(block)
        return block

    def _leave(self, block: Block, state: State | None) -> State | None:
        self._clean(block, state)
        self._run.frame.blocks.pop()
        self._run.one_step = block.one_step
        for object_ in block.declared:
            object_.ended = True
            if state is not None:
                state.memory.forget(object_)
        return state

    def _clean(self, block: Block, state: State | None) -> None:
        """Call what is to be called for the variables of a block that is left, the last one first."""
        for call in reversed(block.scoped):
            if state is not None and not state.is_dead:
                self._values.evaluate(call, state)

    def _leave_by(self, way: WayOut, state: State) -> None:
        self._leave_blocks(way.depth, state)
        way.states.append(state)

    def _leave_blocks(self, depth: int, state: State) -> None:
        """Leave all blocks but the outermost ``depth`` on one path."""
        for block in reversed(self._run.frame.blocks[depth:]):
            self._clean(block, state)

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
                    self._run.frame.variables[variable] = made
                    block.declared.append(made)
        if state is None or state.is_dead:
            return None
        state = self.statement(stmt, state)
        if isinstance(stmt, syntax.Declare):
            block.scoped += (_cleaning(each, stmt.at) for each in stmt.variables if each.cleanup)
        return state

    def _goto(self, stmt: syntax.Goto, state: State) -> None:
        frame = self._run.frame
        for depth, block in reversed(list(enumerate(frame.blocks))):
            way = next((each for each in frame.breaks if each.depth == depth + 1 and stmt.name in each.labels), None)
            if way is not None:
                self._leave_by(way, state)
                return
            if stmt.name in block.labels:
                is_back = stmt.name in block.again or stmt.name in block.passed
                self._leave_blocks(depth if is_back else depth + 1, state)
                if stmt.name in block.again:
                    block.again[stmt.name].append(state)
                    return
                if stmt.name in block.passed:
                    if self._run.function in self._goes_back:
                        self._note_way_back(stmt.name, state)
                        return
                    raise Refused(f"goto {stmt.name} jumps backwards", str(stmt.at))
                block.waiting.setdefault(stmt.name, []).append(state)
                return
        raise Refused(f"goto {stmt.name} jumps into a statement", str(stmt.at))

    def _note_way_back(self, label: str, state: State) -> None:
        self._run.went_back.append(
            WentBack(
                function=self._run.function,
                label=label,
                guard=state.guard,
                memory=state.memory,
                variables={variable.name: object_ for variable, object_ in self._run.frame.variables.items()},
            )
        )

    # -- control ----------------------------------------------------------------------------------

    def _if(self, stmt: syntax.If, state: State) -> State | None:
        condition = truth(self._values.value(stmt.condition, state))
        if all_of(state.guard, negate(condition)) is FALSE:
            return self.statement(stmt.then, state) if not state.is_dead else None
        if all_of(state.guard, condition) is FALSE:
            return self.statement(stmt.other, state) if stmt.other is not None else state
        otherwise: State | None = state.fork(negate(condition))
        then = self.statement(stmt.then, state.fork(condition))
        if stmt.other is not None and otherwise is not None:
            otherwise = self.statement(stmt.other, otherwise)
        return meet([then, otherwise])

    def _loop(self, stmt: syntax.Loop, state: State) -> State | None:
        # The variables of a for's first part live as long as the loop.
        block = self._enter(())
        entered = self._child(stmt.start, state, block) if stmt.start is not None else state
        way = WayOut(depth=len(self._run.frame.blocks), labels=_breaking(stmt.body))
        self._run.frame.breaks.append(way)
        self._run.enter_loop(way.states, retries=_is_always(stmt.condition))
        try:
            self._rounds(stmt, entered, way.states)
        finally:
            self._run.leave_loop()
        self._run.frame.breaks.pop()
        return self._leave(block, meet(way.states))

    def _rounds(self, stmt: syntax.Loop, current: State | None, left: list[State]) -> None:
        if stmt.test_first and self._run.function in self._any_round:
            if current is not None and not current.is_dead:
                any_round(self._run, stmt.at, current, lambda state: self._round(stmt, state, left))
            return
        test, undecided = stmt.test_first, 0
        for _ in range(_ROUNDS):
            if current is None or current.is_dead:
                return
            if test:
                leaving = len(left)
                current = self._tested(stmt, current, left)
                undecided += len(left) - leaving
                if current is None:
                    return
                if self._run.function in self._goes_back and not stmt.test_first:
                    self._note_way_back("", current)
                    return
                if undecided > self._undecided_rounds:
                    raise NotFollowed("a loop whose bound is not known", str(stmt.at))
            test = True
            self._run.next_round()
            current = self._body(stmt, current)
        raise NotFollowed(f"a loop whose bound is not known, or more than {_ROUNDS} rounds", str(stmt.at))

    def _round(self, stmt: syntax.Loop, current: State, left: list[State]) -> State | None:
        """One round of a loop that begins with its condition; the state in which the next one would begin."""
        tested = self._tested(stmt, current, left)
        end = None if tested is None else self._body(stmt, tested)
        return None if end is None or end.is_dead else end

    def _tested(self, stmt: syntax.Loop, current: State, left: list[State]) -> State | None:
        """Go on where a loop's condition holds, and leave where it does not."""
        if stmt.condition is None:
            return current
        condition = truth(self._values.value(stmt.condition, current))
        # A counter that begins at one of several numbers comes to an end as well.
        if possible_values(condition) == frozenset((0,)):
            condition = FALSE
        leaving = current.fork(negate(condition))
        if not leaving.is_dead:
            left.append(leaving)
        going_on = current.fork(condition)
        return None if going_on.is_dead else going_on

    def _body(self, stmt: syntax.Loop, current: State) -> State | None:
        way = WayOut(depth=len(self._run.frame.blocks))
        self._run.frame.continues.append(way)
        end = self.statement(stmt.body, current)
        self._run.frame.continues.pop()
        following = meet([end, *way.states])
        if following is not None and stmt.step is not None:
            self._values.evaluate(stmt.step, following)
        return following

    def _switch(self, stmt: syntax.Switch, state: State) -> State | None:
        selector = self._values.value(stmt.condition, state)
        if not isinstance(selector, BitVec):
            raise Refused("switch on a pointer", str(stmt.at))
        if not isinstance(stmt.body, syntax.Compound):
            raise Refused("switch without a block", str(stmt.at))
        cases = _cases(stmt.body)
        if len(cases) > _CASES:
            raise Refused(f"a switch with more than {_CASES} cases", str(stmt.at))
        signed = getattr(stmt.condition.type, "signed", False)
        matches = {case: _matches(case, selector, signed) for case in cases if case.low is not None}
        nothing = negate(any_of(*matches.values()))
        has_default = any(case.low is None for case in cases)
        block = self._enter(stmt.body.body)
        way = WayOut(depth=len(self._run.frame.blocks))
        self._run.frame.breaks.append(way)
        current: State | None = None
        for child in stmt.body.body:
            inner = child
            while isinstance(inner, syntax.SwitchCase):
                current = meet([current, state.fork(matches.get(inner, nothing))])
                inner = inner.body
            current = self._child(inner, current, block)
        self._run.frame.breaks.pop()
        if block.scoped:
            raise Refused("a switch into the scope of a variable for which something is called", str(stmt.at))
        if not has_default:
            way.states.append(state.fork(nothing))
        return self._leave(block, meet([*way.states, current]))

    def _return(self, stmt: syntax.Return, state: State) -> None:
        value: Value | None = None
        result = self._run.frame.result
        if stmt.value is None or isinstance(stmt.value.type, VoidType):
            if stmt.value is not None:
                self._values.evaluate(stmt.value, state)
        elif result is not None:
            source = self._values.aggregate(stmt.value, state)
            self._access.transfer(source, Place(result, 0), result.type.bits, state, stmt.at)
        else:
            value = self._values.value(stmt.value, state)
            if isinstance(value, BitVec):
                self._run.steps.append(NotedStep(stmt.at, f"{self._run.frame.function}()", state.guard, value))
        self._leave_blocks(0, state)
        self._run.frame.returns.append((state, value))

    def statement_expr(self, expr: syntax.StatementExpr, state: State) -> Result:
        """Run ``({ })``; the result is its last statement's, if that has one."""
        body = expr.body.body
        block = self._enter(body)
        current: State | None = State(state.guard, state.memory, state.valid)
        result: Result = None
        for number, child in enumerate(body):
            is_value = number == len(body) - 1 and isinstance(child, syntax.Evaluate)
            if is_value and current is not None and not isinstance(expr.type, VoidType):
                self._run.ran[child] = None
                result = self._last_value(child.expr, expr, current)  # type: ignore[attr-defined]
            else:
                current = self._child(child, current, block)
        state.become(self._leave(block, current))
        return result

    def _last_value(self, last: Expr, expr: Expr, state: State) -> Value | Place:
        if not isinstance(expr.type, RecordType):
            return self._values.value(last, state)
        made = Object(name="({ })", type=expr.type, kind=ObjectKind.UNSET)
        self._access.transfer(self._values.aggregate(last, state), Place(made, 0), expr.type.bits, state, expr.at)
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


def _cleaning(variable: Variable, at: Location) -> Expr:
    """The call that is made where a variable's scope is left."""
    pointer = PointerType(lambda: variable.type, f"{variable.type.name} *")
    address = syntax.Unary(pointer, at, UnaryOp.ADDRESS, syntax.Name(variable.type, at, variable))
    callee = syntax.FunctionName(FunctionType(variable.cleanup), at, variable.cleanup)
    return syntax.Call(VoidType(), at, callee, (address,))


def _breaking(body: Stmt) -> frozenset[str]:
    """The labels before a ``break`` of a loop, inside of another statement of its body."""
    return frozenset(
        each.name
        for each in _below_in_round(body)
        if isinstance(each, syntax.Label) and isinstance(each.body, syntax.Break)
    )


def _below_in_round(stmt: Stmt) -> list[Stmt]:
    """A statement and all inside it, but for the inside of a nested loop or switch."""
    inner = [] if isinstance(stmt, syntax.Loop) else _children(stmt)
    return [stmt, *(each for child in inner for each in _below_in_round(child))]


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
    return [stmt, *(inner for child in _children(stmt) for inner in _below(child))]


def _children(stmt: Stmt) -> list[Stmt]:
    """The statements of a statement, but for those of a switch."""
    if isinstance(stmt, syntax.Compound):
        return list(stmt.body)
    if isinstance(stmt, syntax.If):
        return [stmt.then, *([stmt.other] if stmt.other is not None else [])]
    return [stmt.body] if isinstance(stmt, syntax.Loop | syntax.Label | syntax.SwitchCase) else []


def _is_always(condition: Expr | None) -> bool:
    """Whether a loop's condition is none: it is not written, or is a number that is not 0."""
    return condition is None or (isinstance(condition, syntax.Constant) and condition.value != 0)
