"""Values of expressions.

Operands are evaluated from left to right, the value of an assignment before its target; where C leaves the
order open, kernel code may not depend on it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from mmuproof.lift import syntax
from mmuproof.lift.c_types import ArrayType, FunctionType, IntType, PointerType, RecordType, VoidType, promote
from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.access import MemoryAccess, Places
from mmuproof.lift.machine.arithmetic import operate
from mmuproof.lift.machine.asked_values import Result
from mmuproof.lift.machine.calls import Calls
from mmuproof.lift.machine.conversions import convert, unreached
from mmuproof.lift.machine.execution import Execution
from mmuproof.lift.machine.findings import NotedStep
from mmuproof.lift.machine.lvalue_text import describe
from mmuproof.lift.machine.places import Lvalues
from mmuproof.lift.machine.pointers import advance, pointer_binary, tell_apart
from mmuproof.lift.machine.state import State, meet
from mmuproof.lift.machine.statements import Statements
from mmuproof.lift.machine.values import FunctionRef, Place, Pointer, Target, Value, as_int, choose, truth
from mmuproof.lift.syntax import BinaryOp, Expr, Location, UnaryOp
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, any_of, bv, negate, resize, to_bv, to_signed

_INCREMENTS = (UnaryOp.PRE_INC, UnaryOp.PRE_DEC, UnaryOp.POST_INC, UnaryOp.POST_DEC)
_OVERFLOWING = (BinaryOp.ADD, BinaryOp.SUB, BinaryOp.MUL, BinaryOp.SHL)


class Expressions:
    """Evaluates scalars, and runs expressions for what they do.

    Args:
        run: where assignments are noted, and what C demands.
        access: to memory.
        lvalues: finds objects.
        calls: runs calls.
        statements: runs the blocks that have a value.
    """

    def __init__(
        self, *, run: Execution, access: MemoryAccess, lvalues: Lvalues, calls: Calls, statements: Statements
    ) -> None:
        self._run, self._access = run, access
        self._lvalues, self._calls, self._statements = lvalues, calls, statements

    def evaluate(self, expr: Expr, state: State) -> None:
        """Run an expression for what it does."""
        if isinstance(expr.type, VoidType):
            self._run_void(expr, state)
        elif isinstance(expr.type, RecordType | ArrayType):
            if not isinstance(expr, syntax.Name):
                self._lvalues.aggregate(expr, state)
        elif isinstance(expr, syntax.Call):
            self.result(expr, state)
        elif isinstance(expr, syntax.StatementExpr):
            state.become(self._statements.statement(expr.body, State(state.guard, state.memory, state.valid)))
        else:
            self.value(expr, state)

    def _run_void(self, expr: Expr, state: State) -> None:
        if isinstance(expr, syntax.Cast):
            self.evaluate(expr.operand, state)
        elif isinstance(expr, syntax.Call | syntax.StatementExpr):
            self.result(expr, state)
        elif isinstance(expr, syntax.Binary) and expr.op is BinaryOp.COMMA:
            self.evaluate(expr.left, state)
            self.evaluate(expr.right, state)
        elif isinstance(expr, syntax.Conditional) and expr.then is not None:
            condition = truth(self.value(expr.condition, state))
            arms: list[State] = []
            for guard, arm in ((condition, expr.then), (negate(condition), expr.other)):
                each = state.fork(guard)
                if not each.is_dead:
                    self.evaluate(arm, each)
                    arms.append(each)
            state.become(meet(arms))
        else:
            raise Refused(f"{type(expr).__name__} without a value", str(expr.at))

    def value(self, expr: Expr, state: State) -> Value:
        """The value of an expression: an integer of the type's width, or a pointer.

        Raises:
            Refused: the expression, or something inside it, is not understood.
        """
        handler = self._VALUES.get(type(expr))
        if handler is None:
            raise Refused(f"expression {type(expr).__name__}", str(expr.at))
        return handler(self, expr, state)

    def result(self, expr: syntax.Call | syntax.StatementExpr, state: State) -> Result:
        """What a call or a ``({ })`` gives."""
        if isinstance(expr, syntax.Call):
            return self._calls.call(expr, state)
        return self._statements.statement_expr(expr, state)

    def _constant(self, expr: syntax.Constant, state: State) -> Value:
        return bv(expr.value, expr.type.bits)

    def _function_name(self, expr: syntax.FunctionName, state: State) -> Value:
        return Pointer((Target(guard=TRUE, function=FunctionRef(expr.name, known=True)),))

    def _load(self, expr: Expr, state: State) -> Value:
        """The value that an lvalue holds."""
        places = self._lvalues.places(expr, state)
        if isinstance(expr.type, ArrayType):
            return _pointer(places)
        if isinstance(expr.type, RecordType):
            raise Refused("a struct where a scalar is meant", str(expr.at))
        return self._access.read(places, _stored_width(expr), expr.type, state, expr.at)

    # -- operators with one operand ---------------------------------------------------------------

    def _unary(self, expr: syntax.Unary, state: State) -> Value:
        op, operand = expr.op, expr.operand
        if op is UnaryOp.DEREFERENCE:
            if isinstance(expr.type, FunctionType):
                return self.value(operand, state)
            return self._load(expr, state)
        if op is UnaryOp.ADDRESS:
            if isinstance(operand.type, FunctionType):
                return self.value(operand, state)
            return _pointer(self._lvalues.places(operand, state))
        if op in _INCREMENTS:
            return self._step_by_one(expr, state)
        if op is UnaryOp.LOGICAL_NOT:
            return as_int(negate(truth(self.value(operand, state))))
        if _is_wide_bit_field(operand) and op is not UnaryOp.PLUS:
            raise _compilers_differ(expr)
        value = self._promoted(operand, state)
        if op is UnaryOp.MINUS:
            return -value
        return ~value if op is UnaryOp.NOT else value

    def _step_by_one(self, expr: syntax.Unary, state: State) -> Value:
        target, type_ = expr.operand, expr.operand.type
        places = self._lvalues.places(target, state)
        old = self._access.read(places, _stored_width(target), type_, state, expr.at)
        up = expr.op in (UnaryOp.PRE_INC, UnaryOp.POST_INC)
        new: Value
        if isinstance(type_, PointerType) and isinstance(old, Pointer):
            new = advance(old, type_.target, bv(1 if up else -1, 64), expr.at)
        elif isinstance(old, Pointer):
            raise Refused("a pointer where an integer is meant", str(expr.at))
        elif isinstance(type_, IntType) and type_.is_bool:
            new = to_bv(TRUE, 8) if up else old ^ 1
        else:
            new = old + (1 if up else -1)
        kept = self._store(places, target, new, state, expr.at)
        return kept if expr.op in (UnaryOp.PRE_INC, UnaryOp.PRE_DEC) else old

    # -- operators with two operands --------------------------------------------------------------

    def _promoted_type(self, expr: Expr) -> IntType:
        if not isinstance(expr.type, IntType):
            raise Refused(f"{expr.type.name} where an integer is meant", str(expr.at))
        return promote(expr.type, expr.field.bit_width if isinstance(expr, syntax.Member) else None)

    def _promoted(self, expr: Expr, state: State) -> BitVec:
        value = convert(self.value(expr, state), expr.type, self._promoted_type(expr), expr.at)
        assert isinstance(value, BitVec)
        return value

    def _binary(self, expr: syntax.Binary, state: State) -> Value:
        op = expr.op
        if op in (BinaryOp.LOGICAL_AND, BinaryOp.LOGICAL_OR):
            return self._short_circuit(expr, state)
        if op is BinaryOp.COMMA:
            self.evaluate(expr.left, state)
            return self.value(expr.right, state)
        left, right = self.value(expr.left, state), self.value(expr.right, state)
        if isinstance(left, Pointer) or isinstance(right, Pointer):
            self._run.tells_apart |= tell_apart(left, right)
            return pointer_binary(expr, left, right)
        return self._operate(op, expr.left, left, expr.right, right, state, expr)[0]

    def _operate(
        self, op: BinaryOp, left_expr: Expr, left: BitVec, right_expr: Expr, right: BitVec, state: State, expr: Expr
    ) -> tuple[BitVec, IntType]:
        """The value and type of ``left op right``, after C's promotions."""
        left_type, right_type = self._promoted_type(left_expr), self._promoted_type(right_expr)
        wide = _is_wide_bit_field(left_expr) or (op is not BinaryOp.SHL and _is_wide_bit_field(right_expr))
        if wide and op in _OVERFLOWING:
            raise _compilers_differ(expr)
        a = convert(left, left_expr.type, left_type, expr.at)
        b = convert(right, right_expr.type, right_type, expr.at)
        assert isinstance(a, BitVec)
        assert isinstance(b, BitVec)
        outcome = operate(op, a, left_type, b, right_type)
        self._run.require(outcome.kind, outcome.defined, state, expr.at)
        return outcome.value, outcome.type

    def _short_circuit(self, expr: syntax.Binary, state: State) -> Value:
        left = truth(self.value(expr.left, state))
        is_and = expr.op is BinaryOp.LOGICAL_AND
        right = self._branch(left if is_and else negate(left), expr.right, state)
        if right is None:
            return as_int(left)
        return as_int(all_of(left, truth(right)) if is_and else any_of(left, truth(right)))

    def _branch(self, condition: Bool, expr: Expr, state: State) -> Value | None:
        """Evaluate ``expr`` only where ``condition`` holds; its effects happen there alone."""
        inner = State(all_of(state.guard, condition), state.memory, state.valid)
        if inner.is_dead:
            return None
        if inner.guard is state.guard or all_of(state.guard, negate(condition)) is FALSE:
            return self.value(expr, state)
        before, entered = state.guard, inner.guard
        if _writes_nothing(expr):
            value = self.value(expr, inner)
        else:
            inner.memory = state.memory.copy()
            value = self.value(expr, inner)
        if inner.guard is entered:
            if inner.memory is not state.memory:
                inner.memory.merge(condition, state.memory)
                state.memory = inner.memory
        else:
            other = State(all_of(before, negate(condition)), state.memory.copy(), state.valid)
            state.become(meet([inner, other]))
        return value

    def _conditional(self, expr: syntax.Conditional, state: State) -> Value:
        first = self.value(expr.condition, state)
        condition = truth(first)
        if expr.then is None:
            then: Value | None = (
                convert(first, expr.condition.type, expr.type, expr.at) if condition is not FALSE else None
            )
        else:
            then = self._branch(condition, expr.then, state)
            if then is not None:
                then = convert(then, expr.then.type, expr.type, expr.at)
        other = self._branch(negate(condition), expr.other, state)
        if other is not None:
            other = convert(other, expr.other.type, expr.type, expr.at)
        if then is None or other is None:
            only = then if then is not None else other
            return unreached(expr.type) if only is None else only
        return choose(condition, then, other)

    def _cast(self, expr: syntax.Cast, state: State) -> Value:
        if isinstance(expr.operand.type, ArrayType) and isinstance(expr.type, PointerType):
            return _pointer(self._lvalues.places(expr.operand, state))
        operand = self.value(expr.operand, state)
        if isinstance(operand, Pointer) and isinstance(expr.type, IntType):
            self._run.addresses.note(operand, expr.at)
        value = convert(operand, expr.operand.type, expr.type, expr.at)
        return self._run.addresses.found(value) if isinstance(value, Pointer) else value

    # -- assignment -------------------------------------------------------------------------------

    def _assign(self, expr: syntax.Assign, state: State) -> Value:
        target = expr.target
        right = self.value(expr.value, state)
        places = self._lvalues.places(target, state)
        if expr.op is None:
            new = convert(right, expr.value.type, target.type, expr.at)
            return self._store(places, target, new, state, expr.at)
        left = self._access.read(places, _stored_width(target), target.type, state, expr.at)
        if isinstance(target.type, PointerType):
            if (
                expr.op not in (BinaryOp.ADD, BinaryOp.SUB)
                or not isinstance(right, BitVec)
                or not isinstance(left, Pointer)
                or not isinstance(expr.value.type, IntType)
            ):
                raise Refused(f"{expr.op.value}= on a pointer", str(expr.at))
            wide = resize(right, 64, signed=expr.value.type.signed)
            count = -wide if expr.op is BinaryOp.SUB else wide
            return self._store(places, target, advance(left, target.type.target, count, expr.at), state, expr.at)
        if isinstance(left, Pointer) or isinstance(right, Pointer):
            raise Refused("a pointer where an integer is meant", str(expr.at))
        value, type_ = self._operate(expr.op, target, left, expr.value, right, state, expr)
        return self._store(places, target, convert(value, type_, target.type, expr.at), state, expr.at)

    def _store(self, places: Places, target: Expr, value: Value, state: State, at: Location) -> Value:
        """Write a value of the target's type; the result is what the target then holds."""
        width = _stored_width(target)
        name = describe(target, lambda index: self._index_text(index, state))
        self._access.write(places, width, value, state, at)
        if isinstance(value, Pointer):
            return value
        kept = resize(value, width)
        self._run.steps.append(NotedStep(at, name, state.guard, kept))
        signed = isinstance(target.type, IntType) and target.type.signed
        return resize(kept, target.type.bits, signed=signed)

    def _index_text(self, index: Expr, state: State) -> str:
        """An index as a number where it is known, else as it is written."""
        if state.is_dead or not _writes_nothing(index):
            return describe(index)
        demanded = len(self._run.checks)
        value = self._lvalues.wide(index, state.fork(TRUE))
        # It has been evaluated before, with all that it demands.
        del self._run.checks[demanded:]
        return str(to_signed(value.value, 64)) if value.is_const else describe(index)

    def _called(self, expr: syntax.Call, state: State) -> Value:
        return self._access.require_set(self._scalar(self._calls.call(expr, state), expr, state), state, expr.at)

    def _statements_value(self, expr: syntax.StatementExpr, state: State) -> Value:
        return self._scalar(self._statements.statement_expr(expr, state), expr, state)

    def _scalar(self, result: Result, expr: Expr, state: State) -> Value:
        if result is not None and not isinstance(result, Place):
            return result
        if state.is_dead:
            return unreached(expr.type)
        raise Refused("no value where one is meant", str(expr.at))

    _VALUES: ClassVar[dict[type[Expr], Callable[..., Value]]] = {
        syntax.Constant: _constant,
        syntax.Text: _load,
        syntax.Name: _load,
        syntax.FunctionName: _function_name,
        syntax.Member: _load,
        syntax.Index: _load,
        syntax.Unary: _unary,
        syntax.Binary: _binary,
        syntax.Assign: _assign,
        syntax.Cast: _cast,
        syntax.Conditional: _conditional,
        syntax.Call: _called,
        syntax.StatementExpr: _statements_value,
        syntax.CompoundLiteral: _load,
    }


def _pointer(places: Places) -> Pointer:
    return Pointer(tuple(Target(guard=guard, place=place) for guard, place in places))


def _stored_width(target: Expr) -> int:
    """How many bits an lvalue takes in memory."""
    return target.field.width if isinstance(target, syntax.Member) else target.type.bits


def _is_wide_bit_field(expr: Expr) -> bool:
    """Whether an operand is a bit-field of more bits than ``int`` and fewer than its type.

    To gcc it has a type of just that width, to clang its declared type.
    """
    while isinstance(expr, syntax.Cast) and not expr.written and expr.type.bits == expr.operand.type.bits:
        expr = expr.operand
    width = expr.field.bit_width if isinstance(expr, syntax.Member) else None
    return width is not None and 32 < width < expr.type.bits


def _compilers_differ(expr: Expr) -> Refused:
    return Refused("arithmetic that may overflow on a bit-field wider than int: gcc and clang differ", str(expr.at))


def _writes_nothing(expr: Expr) -> bool:
    """Whether an expression surely leaves memory as it is."""
    if isinstance(expr, syntax.Constant | syntax.Name | syntax.FunctionName):
        return True
    if isinstance(expr, syntax.Cast):
        return _writes_nothing(expr.operand)
    if isinstance(expr, syntax.Member):
        return _writes_nothing(expr.base)
    if isinstance(expr, syntax.Index):
        return _writes_nothing(expr.base) and _writes_nothing(expr.index)
    if isinstance(expr, syntax.Unary):
        return expr.op not in _INCREMENTS and _writes_nothing(expr.operand)
    if isinstance(expr, syntax.Binary):
        return _writes_nothing(expr.left) and _writes_nothing(expr.right)
    if isinstance(expr, syntax.Conditional):
        arms = [expr.condition, expr.other, *([expr.then] if expr.then is not None else [])]
        return all(_writes_nothing(each) for each in arms)
    return False
