"""What a lifted function computes is what gcc's code for it computes, without and with optimisation."""

import re
from collections.abc import Callable

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from .conftest import NUMBERS, PROGRAMS, SEED, BuiltFile, LiftedFile

pytestmark = pytest.mark.compiler

FILES = ("expressions", "bit_fields", "structs", "control")
_DEFINITION = re.compile(r"^(?:u64|s64|int|bool|s8) (\w+)\([^;]*?\)\s*\{", re.MULTILINE)
FUNCTIONS = [
    (name, function) for name in FILES for function in _DEFINITION.findall((PROGRAMS / f"{name}.c").read_text())
]


def agree(program: LiftedFile, compiled: BuiltFile, name: str, values: list[int]) -> bool:
    """Whether the function is defined for the values; then the results have been found equal."""
    lifted = program.lift(name)
    arguments = program.arguments(name, values)
    expected = lifted.evaluate(arguments)
    if expected is None:
        return False
    for level, actual in compiled.call(lifted.function, arguments).items():
        assert expected == actual, f"{name}{tuple(arguments)} at {level}, MMUPROOF_SEED={SEED}"
    return True


@pytest.mark.parametrize(("file", "function"), FUNCTIONS, ids=[f"{a}-{b}" for a, b in FUNCTIONS])
def test_function_as_compiled(
    file: str, function: str, program: Callable[[str], LiftedFile], compiled: Callable[[str], BuiltFile]
) -> None:
    text = (PROGRAMS / f"{file}.c").read_text()
    lifted, library = program(text), compiled(text)
    lifted.lift(function)
    defined = 0

    @seed(SEED)
    @settings(max_examples=40, database=None)
    @given(st.lists(NUMBERS, min_size=3, max_size=3))
    def compare(values: list[int]) -> None:
        nonlocal defined
        defined += agree(lifted, library, function, values)

    compare()
    assert defined, "no input without undefined behaviour was tried"


TYPES = ("u8", "s8", "u16", "s16", "u32", "s32", "u64", "s64", "bool", "enum colour")
BINARY = {
    "mul": "*",
    "div": "/",
    "rem": "%",
    "add": "+",
    "sub": "-",
    "shl": "<<",
    "shr": ">>",
    "lt": "<",
    "gt": ">",
    "le": "<=",
    "ge": ">=",
    "eq": "==",
    "ne": "!=",
    "and": "&",
    "xor": "^",
    "or": "|",
    "logical_and": "&&",
    "logical_or": "||",
}
COMPOUND = ("mul", "div", "rem", "add", "sub", "shl", "shr", "and", "xor", "or")
UNARY = {"plus": "+", "minus": "-", "complement": "~", "not": "!"}
PAIRS = [(left, right) for left in TYPES for right in TYPES]


def _word(type_: str) -> str:
    return type_.replace(" ", "_")


def operator_table() -> str:
    """Every operator on every pair of types, and every conversion; results are widened to 64 bits."""
    lines = ["enum colour { RED = 1, BLUE = -3 };"]
    for left, right in PAIRS:
        names = f"{_word(left)}_{_word(right)}"
        for name, op in BINARY.items():
            lines.append(f"s64 {name}_{names}({left} a, {right} b) {{ return a {op} b; }}")
        for name in COMPOUND:
            lines.append(f"s64 set_{name}_{names}({left} a, {right} b) {{ a {BINARY[name]}= b; return a; }}")
        lines.append(f"s64 cast_{names}({left} a, u8 b) {{ return ({right})a; }}")
        lines.append(f"s64 choose_{names}({left} a, {right} b) {{ return a > 3 ? a : b; }}")
    for type_ in TYPES:
        for name, op in UNARY.items():
            lines.append(f"s64 {name}_{_word(type_)}({type_} a, u8 b) {{ return {op}a; }}")
        for name, op in {"inc": "++", "dec": "--"}.items():
            lines.append(f"s64 pre_{name}_{_word(type_)}({type_} a, u8 b) {{ s64 r = {op}a; return r * 3 + a; }}")
            lines.append(f"s64 post_{name}_{_word(type_)}({type_} a, u8 b) {{ s64 r = a{op}; return r * 3 + a; }}")
    return "\n".join(lines)


def rows() -> dict[str, list[str]]:
    """The functions of the table by operator."""
    table: dict[str, list[str]] = {}
    for name in [*BINARY, *(f"set_{each}" for each in COMPOUND), "cast", "choose"]:
        table[name] = [f"{name}_{_word(left)}_{_word(right)}" for left, right in PAIRS]
    for name in [*UNARY, "pre_inc", "pre_dec", "post_inc", "post_dec"]:
        table[name] = [f"{name}_{_word(type_)}" for type_ in TYPES]
    return table


@pytest.mark.parametrize("operator", rows())
def test_operator_on_all_types_as_compiled(
    operator: str, program: Callable[[str], LiftedFile], compiled: Callable[[str], BuiltFile]
) -> None:
    text = operator_table()
    lifted, library = program(text), compiled(text)
    functions = rows()[operator]
    defined = dict.fromkeys(functions, 0)

    @seed(SEED)
    @settings(max_examples=8, database=None)
    @given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=4, max_size=4))
    def compare(inputs: list[tuple[int, int]]) -> None:
        for function in functions:
            for values in [*inputs, (13, 3)]:
                defined[function] += agree(lifted, library, function, list(values))

    compare()
    assert all(defined.values())
