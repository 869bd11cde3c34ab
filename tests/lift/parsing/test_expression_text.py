"""Questions taken apart without a compiler."""

from __future__ import annotations

import pytest

from mmuproof.lift.parsing.expression_text import TextProblem, called_names, plain_arguments, read_question


@pytest.mark.parametrize(
    ("text", "declared", "expression"),
    [
        ("s & 1", [], "s & 1"),
        ("u64 s: s & 1", [("s", "u64 s")], " s & 1"),
        ("u64 s, struct kvm *kvm: f(kvm, s)", [("s", "u64 s"), ("kvm", "struct kvm *kvm")], " f(kvm, s)"),
        ("u64 a[2]: a[0]", [("a", "u64 a[2]")], " a[0]"),
        ("x ? y : z", [], "x ? y : z"),
        ("x ?: z", [], "x ?: z"),
        ("u64 x: x ? 1 : 0", [("x", "u64 x")], " x ? 1 : 0"),
        ("({ switch (x) { case 1: break; } x; })", [], "({ switch (x) { case 1: break; } x; })"),
        ("u8 c: c == ':' /* a: b */", [("c", "u8 c")], " c == ':' /* a: b */"),
        ('f("a:b")', [], 'f("a:b")'),
    ],
)
def test_declarations_stand_before_the_first_colon_that_is_none_of_c(
    text: str, declared: list[tuple[str, str]], expression: str
) -> None:
    question = read_question(text)
    assert [(each.name, each.text) for each in question.declarations] == declared
    assert all(text[each.position :].startswith(each.text) for each in question.declarations)
    assert text[question.start :] == expression


@pytest.mark.parametrize(
    ("text", "position", "says"),
    [
        ("", 0, "no expression"),
        ("  /* nothing */", 0, "no expression"),
        ("u64 s:", 6, "behind the colon"),
        ("s)) | (1", 1, "nothing is open"),
        ("f((s)", 1, "never closed"),
        ("f(s]", 3, "nothing is open"),
        ("s & 1; t", 5, "no ';'"),
        ("s: s & 1", 0, "a type and a name"),
        ("u64 s, : s", 7, "missing"),
    ],
)
def test_what_is_wrong_without_asking_a_compiler(text: str, position: int, says: str) -> None:
    with pytest.raises(TextProblem, match=says) as caught:
        read_question(text)
    assert caught.value.position == position


def test_calls_and_the_names_that_are_their_arguments() -> None:
    found = read_question("f(a, g(b, c + 1), (d), &e, h) && sizeof(x) && if_(y)").tokens
    assert called_names(found) == ("f", "g", "if_")
    assert [(each.function, each.index, each.name, each.by_address) for each in plain_arguments(found)] == [
        ("f", 0, "a", False),
        ("f", 3, "e", True),
        ("f", 4, "h", False),
        ("g", 0, "b", False),
        ("if_", 0, "y", False),
    ]
