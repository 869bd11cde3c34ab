"""Two functions say the same up to the names of their own variables, and nothing else is taken for such a name."""
# A C function reads best on one line.

from __future__ import annotations

from pathlib import Path

import pytest

from mmuproof.lift.parsing.printed import Printed
from mmuproof.lift.parsing.unit import Unit
from tests.lift.machine.conftest import CLANG

TEXT = """
struct s { int x, y, z; };
enum { ONE = 1, TWO = 2 };
typedef int number;
extern int kept, lost;
int get(int v);
int told(const char *words);
"""
LOOP = "for (int i = 0; i < 4; i++) if (get(i)) a += p->x;"
OTHER_LOOP = "for (int step = 0; step < 4; step++) if (get(step)) a += p->x;"


def digest(folder: Path, function: str) -> str:
    folder.mkdir()
    (folder / "unit.c").write_text(f"{TEXT}int f(struct s *p, int a) {{ {function} }}\n")
    printed = Printed(Unit(folder, "unit.c", CLANG), lambda _file: True)
    return printed.digest("f", but_for_locals=True)


def say_the_same(folder: Path, old: str, new: str) -> bool:
    return digest(folder / "old", old) == digest(folder / "new", new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (f"int r = a; {LOOP} return r;", f"int result = a; {LOOP} return result;"),
        (f"{LOOP} return a;", f"{OTHER_LOOP} return a;"),
        ("int b = 1, c = 2; return b - c;", "int c = 1, b = 2; return c - b;"),
        (
            "retry: { int r = get(a); if (r) goto retry; return r; }",
            "retry: { int w = get(a); if (w) goto retry; return w; }",
        ),
        ("int kept = a; return kept;", "int b = a; return b;"),
        ("int r = __builtin_offsetof(struct s, x); return r;", "int w = __builtin_offsetof(struct s, x); return w;"),
    ],
    ids=["a result", "a counter", "two in turn", "around a label", "one that hides another", "beside an offset"],
)
def test_what_a_variable_of_its_own_is_called_means_nothing(old: str, new: str, tmp_path: Path) -> None:
    assert say_the_same(tmp_path, old, new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("int x = a; return p->x + x;", "int y = a; return p->y + y;"),
        ("struct s s = { .x = 1 }; int x = a; return s.z + x;", "struct s s = { .y = 1 }; int y = a; return s.z + y;"),
        ("int x = a; return __builtin_offsetof(struct s, x) + x;", "int y = a; return __builtin_offsetof(struct s, y) + y;"),
        ("int b = 1, c = 2; return b - c;", "int b = 1, c = 2; return c - b;"),
        ("int b = 1; { int c = 2; a = b; } return a;", "int b = 1; { int b = 2; a = b; } return a;"),
        ("a = kept; { int kept = 1; a += kept; } return a;", "a = lost; { int lost = 1; a += lost; } return a;"),
        ("extern int kept; return kept;", "extern int lost; return lost;"),
        ("static int b; return b++;", "int b; return b++;"),
        ("int b = a; return b;", "long b = a; return b;"),
        ("int x = a; told(\"x\"); return x;", "int y = a; told(\"y\"); return y;"),
        ("int x = get(a); goto x; x: return x;", "int y = get(a); return y;"),
        ("int b = 1; return kept + b;", "int b = 1; return lost + b;"),
        ("number b = a; return (number)b;", "int number = a; return (int)number;"),
    ],
    ids=[
        "a member",
        "a designated member",
        "an offset",
        "another order",
        "what is hidden",
        "a variable of the file's",
        "one declared again",
        "one that lasts",
        "a type",
        "a word that is told",
        "a label",
        "another variable of the file's",
        "a name of a type",
    ],
)  # fmt: skip
def test_nothing_else_is_taken_for_its_name(old: str, new: str, tmp_path: Path) -> None:
    assert not say_the_same(tmp_path, old, new)
