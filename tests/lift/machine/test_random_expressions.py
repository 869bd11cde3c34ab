"""Random expressions and statements compute what gcc's code for them computes."""
# A C function reads best on one line.

from collections.abc import Callable
from typing import TypeVar

import pytest
from hypothesis import Phase, given, seed, settings
from hypothesis import strategies as st

from .conftest import NUMBERS, SEED, BuiltFile, LiftedFile

FUNCTIONS = 150
INPUTS = 20

PARAMETERS = "u8 a, s8 b, u16 c, s32 d, u32 e, s64 g, u64 h, bool i, enum colour j"
T = TypeVar("T")
NAMES = ("a", "b", "c", "d", "e", "g", "h", "i", "j")
FIELDS = ("s.x", "s.y", "s.z", "s.w", "s.n", "s.deep.q")
CASTS = ("u8", "s8", "u16", "s16", "u32", "s32", "u64", "s64", "bool")
PREAMBLE = """
enum colour { RED = 1, BLUE = -3 };
struct mixed { u32 x : 7; s32 y : 5; bool z : 1; u8 w; union { u64 n; struct { u16 lo; s16 hi; }; }; struct { u64 q : 30; } deep; };
static u32 mix(u32 a, u16 b) { return a * 3 ^ b; }
"""


def _expressions() -> st.SearchStrategy[str]:
    leaves = st.one_of(
        st.sampled_from([*NAMES, *FIELDS, "s.lo", "s.hi", "v[2]", "RED", "BLUE"]),
        st.sampled_from(["0", "1", "-1", "7u", "255", "0x7fffffff", "0xffffffff", "1ull << 40", "-5ll", "'x'"]).map(
            lambda text: f"({text})"
        ),
    )

    def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return st.one_of(
            st.builds(
                "({} {} {})".format,
                inner,
                st.sampled_from(("+", "-", "*", "&", "|", "^", "<", ">", "<=", ">=", "==", "!=", "&&", "||", ",")),
                inner,
            ),
            st.builds("({} {} ({} & 7))".format, inner, st.sampled_from(("<<", ">>")), inner),
            st.builds("({} {} (({} & 15) + 1))".format, inner, st.sampled_from(("/", "%")), inner),
            st.builds("({}{})".format, st.sampled_from("~-!+"), inner),
            st.builds("({}){}".format, st.sampled_from(CASTS), inner).map(lambda text: f"({text})"),
            st.builds("({} ? {} : {})".format, inner, inner, inner),
            st.builds("({} ?: {})".format, inner, inner),
            st.builds("v[{} & 3]".format, inner),
            st.builds("mix({}, {})".format, inner, inner),
            st.builds("({{ typeof(({0}) + 0) _t = {0}; _t + {1}; }})".format, inner, inner),
        )

    return st.recursive(leaves, larger, max_leaves=8)


def _statements() -> st.SearchStrategy[str]:
    value = _expressions()
    target = st.sampled_from([*NAMES, *FIELDS, "s.lo", "s.hi", "v[1]", "v[h & 3]", "*p"])
    assign = st.builds("{} {} {};".format, target, st.sampled_from(("=", "+=", "-=", "*=", "&=", "|=", "^=")), value)
    shift = st.builds("{} {} ({} & 7);".format, target, st.sampled_from(("<<=", ">>=")), value)
    step = st.builds(
        lambda name, op, after: f"{name}{op};" if after else f"{op}{name};",
        target.filter(lambda name: name != "*p"),
        st.sampled_from(("++", "--")),
        st.booleans(),
    )

    def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return st.one_of(
            st.builds("if ({}) {{ {} }} else {{ {} }}".format, value, inner, inner),
            st.builds("if ({}) {}".format, value, inner),
            st.builds("for (int k = 0; k < 3; k++) {{ if ({}) continue; {} }}".format, value, inner),
            st.builds(
                "switch ({} & 3) {{ case 0: {} break; case 1: {} default: {} }}".format, value, inner, inner, inner
            ),
            st.builds("if ({}) return {};".format, value, value),
            st.builds("if ({}) goto out;".format, value),
            st.builds("p = {} ? &v[1] : &v[d & 3];".format, value),
            st.builds("{} {}".format, inner, inner),
            st.builds("{{ struct mixed t = s; t.w += {}; s = t; {} }}".format, value, inner),
        )

    return st.recursive(st.one_of(assign, shift, step), larger, max_leaves=4)


def _function(body: str, value: str) -> str:
    return (
        f"({PARAMETERS}) {{ struct mixed s = {{ a, b, i, c, {{ g }}, {{ h }} }}; u32 v[4] = {{ 1, e, 3, d }}, *p = v;"
        f" {body} out: return ({value}) + s.x + s.y * 3 + s.w + s.n + v[0] + v[1] * 5ull + v[2] + v[3] + a + b + c;"
        " }"
    )


def draw(strategy: st.SearchStrategy[T], count: int) -> list[T]:
    """Values of a strategy; the same for the same seed."""
    found: list[T] = []

    @seed(SEED)
    @settings(max_examples=count, database=None, phases=[Phase.generate])
    @given(strategy)
    def collect(value: T) -> None:
        found.append(value)

    collect()
    return found


@pytest.mark.compiler
def test_random_functions_as_compiled(
    program: Callable[[str], LiftedFile], compiled: Callable[[str], BuiltFile]
) -> None:
    # All functions are compiled at once, so they are drawn before anything is compared.
    bodies = draw(st.builds(_function, _statements(), _expressions()), FUNCTIONS)
    inputs = draw(st.lists(NUMBERS, min_size=len(NAMES), max_size=len(NAMES)), INPUTS)
    text = PREAMBLE + "\n".join(f"s64 f{number}{body}" for number, body in enumerate(bodies))
    lifted, library = program(text), compiled(text)
    compared = 0
    for number, body in enumerate(bodies):
        function = lifted.lift(f"f{number}")
        for values in inputs:
            arguments = lifted.arguments(f"f{number}", values)
            expected = function.evaluate(arguments)
            if expected is None:
                continue
            compared += 1
            for level, actual in library.call(function.function, arguments).items():
                assert expected == actual, f"MMUPROOF_SEED={SEED} {level}: f{tuple(arguments)}\n{body}"
    assert compared > len(bodies) * len(inputs) // 2
