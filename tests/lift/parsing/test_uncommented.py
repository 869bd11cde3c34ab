"""What a stretch of C says, comments left out: never less than the compiler sees."""

from __future__ import annotations

import pytest

from mmuproof.lift.parsing.bodies import uncommented


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b"a /* b */ c", b"a /* d */ c"),
        (b"a // b\nc", b"a // d e\nc"),
        (b"a\n\n\nb", b"a\nb"),
        (b"a   \nb", b"a\nb"),
        (b"a // b \\\n c\nd", b"a //\nd"),
        (b"#define A \\\n 1\n", b"#define A  1\n"),
        (b"'\"' /* a */ '\"'", b"'\"' /* b */ '\"'"),
    ],
)
def test_comments_and_empty_lines_say_nothing(one: bytes, other: bytes) -> None:
    assert uncommented(one) == uncommented(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b'"/* b */"', b'"/* c */"'),
        (b'"// b"', b'"// c"'),
        (b"'\"' a '\"'", b"'\"' b '\"'"),
        (b'"\\"/* b"', b'"\\"/* c"'),
        (b"a/**/b", b"ab"),
        (b"#include <a//b>", b"#include <a//c>"),
        (b"#include <a/*b> /**/", b"#include <a/*c> /**/"),
        (b"// a \\ \nb", b"// a \\ \nc"),
        (b"// a ??/\nb", b"// a ??/\nc"),
        (b"#define A 1\nb", b"#define A 1 b"),
        (b"/* a */ b /* c */", b"/* a */ d /* c */"),
        (b'"a \\ \n /* b */"', b'"a \\ \n /* c */"'),
    ],
)
def test_all_else_does(one: bytes, other: bytes) -> None:
    assert uncommented(one) != uncommented(other)
