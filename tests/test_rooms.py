"""The rooms stand in one order and know only what is below them; and the repository names no machine."""

import ast
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# What of mmuproof each room may import, besides itself: whole rooms, or single modules of one.
MAY_IMPORT = {
    "smt": (),
    "spec": ("smt",),
    "lift": ("smt",),
    "model": ("smt", "lift"),
    "proofs": ("smt.terms", "smt.graph", "smt.obligation", "spec", "model"),
    "cli": ("smt", "spec", "lift", "model", "proofs"),
}
# The only places that know a package from outside; a room that is not named here uses none.
OUTSIDE = {
    "z3": {
        "smt/backend.py",
        "smt/exploration.py",
        "smt/small_search.py",
        "smt/solver.py",
        "smt/together.py",
        "smt/translation.py",
    },
    "clang": {
        "lift/clang_api.py",
        "lift/cursors.py",
        "lift/declared.py",
        "lift/expression_reader.py",
        "lift/initializer_reader.py",
        "lift/joined.py",
        "lift/printed.py",
        "lift/probe.py",
        "lift/reader.py",
        "lift/saved_units.py",
        "lift/type_reader.py",
        "lift/unit.py",
    },
    "debian": {"lift/*"},
    "platformdirs": {"cli/*"},
    "rich": {"cli/*"},
    "typer": {"cli/*"},
}
SOURCES = sorted(path.relative_to(ROOT).as_posix() for room in MAY_IMPORT for path in (ROOT / room).rglob("*.py"))


def tree_of(source: str) -> ast.Module:
    return ast.parse((ROOT / source).read_text(encoding="utf-8"), source)


def imported(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """The line and full name of whatever is imported; `from a import b` gives `a.b`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = "." * node.level + (node.module or "")
            yield from ((node.lineno, f"{origin}.{alias.name}") for alias in node.names)


def within(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def forbidden(source: str, name: str) -> str | None:
    """Why a source may not import a name; None if it may."""
    room = source.partition("/")[0]
    if name.startswith("."):
        return "a relative import hides which room is meant"
    if name.endswith(".*"):
        return "a star import hides what is used"
    top, _, rest = name.partition(".")
    if top == "mmuproof":
        return None if within(rest, (room, *MAY_IMPORT[room])) else f"{room} may not know it"
    if top in sys.stdlib_module_names or top == "_typeshed":
        return None
    if not OUTSIDE.get(top, set()) & {source, f"{room}/*"}:
        return "this package is not known here"
    return None


def test_every_room_has_sources() -> None:
    assert {source.partition("/")[0] for source in SOURCES} == set(MAY_IMPORT)


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_imports_only_what_the_room_may_know(room: str) -> None:
    wrong = [
        f"{source}:{line}: {name}: {why}"
        for source in SOURCES
        if source.startswith(f"{room}/")
        for line, name in imported(tree_of(source))
        if (why := forbidden(source, name))
    ]
    assert wrong == []


@pytest.mark.parametrize("word", ["print", "__import__", "import_module"])
def test_nowhere_in_the_rooms(word: str) -> None:
    """Only the command line's output speaks to a user; and an import by a computed name would be unseen."""
    wrong = [
        f"{source}:{node.lineno}"
        for source in SOURCES
        for node in ast.walk(tree_of(source))
        if (isinstance(node, ast.Name) and node.id == word)
        or (isinstance(node, ast.Attribute) and node.attr == word and word != "print")
        or (isinstance(node, ast.alias) and node.name == word)
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("source", "statement"),
    [
        ("spec/ept.py", "import mmuproof.model.kvm"),
        ("spec/ept.py", "from mmuproof import lift"),
        ("lift/unit.py", "from mmuproof.spec.ept import EptPermissions"),
        ("model/kvm.py", "from mmuproof.spec import ept"),
        ("model/kvm.py", "from mmuproof.proofs.theorem import Theorem"),
        ("proofs/acc.py", "from mmuproof.smt import solver"),
        ("proofs/acc.py", "from mmuproof.smt.solver import solve"),
        ("proofs/acc.py", "from mmuproof.lift.unit import Unit"),
        ("proofs/acc.py", "from mmuproof.cli.main import main"),
        ("proofs/acc.py", "import z3"),
        ("lift/machine.py", "from clang.cindex import Cursor"),
        ("smt/terms.py", "import z3"),
        ("smt/terms.py", "import mmuproof"),
        ("cli/prove.py", "from mmuproof.smt.terms import *"),
        ("cli/prove.py", "from .report import print_report"),
        ("cli/prove.py", "import numpy"),
    ],
)
def test_a_wrong_import_would_be_found(source: str, statement: str) -> None:
    assert [why for _, name in imported(ast.parse(statement)) if (why := forbidden(source, name))]


@pytest.mark.parametrize(
    ("source", "statement"),
    [
        ("proofs/acc.py", "from mmuproof.smt import terms"),
        ("proofs/acc.py", "from mmuproof.spec import ept, npt"),
        ("cli/prove.py", "import rich.table"),
        ("smt/solver.py", "import z3"),
        ("smt/solver.py", "from mmuproof.smt.terms import Term"),
        ("lift/archive.py", "from debian.debfile import DebFile"),
        ("spec/errata.py", "from collections.abc import Mapping"),
    ],
)
def test_a_right_import_is_let_through(source: str, statement: str) -> None:
    assert [why for _, name in imported(ast.parse(statement)) if (why := forbidden(source, name))] == []


# Files that are made, or that belong to tools.
NOT_OURS = {".git", "build", "dist", "__pycache__"}
# In two pieces, so that this file does not name what it looks for.
MACHINE = re.compile(
    "(?<![\\w.~*}$-])/(?:" + "work|tmp|opt|root|home|mnt|srv|media" + ")/[\\w.]"
    "|(?:" + "pypi|pythonhosted|registry\\.npmjs|debian" + ")\\.(?:org|net)/(?:simple|debian|packages)"
    "|(?:deb|ftp|snapshot|security)[\\w.]*\\." + "debian\\.org"
    "|\\b\\d{1,3}(?:\\.\\d{1,3}){3}:\\d+"
    "|--(?:extra-)?index-" + "url[ =]"
)  # fmt: skip
# A path of no machine in particular.
ALLOWED = {"tests/lift/test_source.py": {"/".join(["", "tmp", "e"])}}  # a member of a hostile archive


def files() -> Iterator[Path]:
    for folder, subfolders, names in os.walk(ROOT):
        subfolders[:] = [
            name for name in subfolders
            if name not in NOT_OURS and not name.endswith(".egg-info")
            and (not name.startswith(".") or name in (".ci", ".github"))
        ]  # fmt: skip
        yield from (Path(folder, name) for name in names)


def test_no_file_names_a_machine_or_a_package_mirror() -> None:
    wrong, read = [], set()
    for path in files():
        name = path.relative_to(ROOT).as_posix()
        read.add(name)
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            found = {hit.group() for hit in MACHINE.finditer(line)} - ALLOWED.get(name, set())
            wrong += [f"{name}:{number}: {hit}" for hit in sorted(found)]
    assert wrong == []
    assert {"Makefile", "pyproject.toml", ".ci/run", "tools/fetch-kernels.sh", "spec/ept.py"} <= read


@pytest.mark.parametrize(
    "text",
    [
        "cd " + "/work" + "/main",
        '"' + "/tmp" + '/v/bin/python"',
        "file://" + "/opt" + "/pypi",
        "https://" + "pypi" + ".org/simple",
        "http://deb" + ".debian" + ".org/x",
        "--extra-" + "index" + "-url=https://example.com",
    ],
)
def test_a_machine_would_be_found(text: str) -> None:
    assert MACHINE.search(text)


@pytest.mark.parametrize(
    "text",
    [
        "a" + "/work" + "/b",
        "~" + "/linux",
        "$HOME" + "/tmp" + "/x",
        "usr" + "/src" + "/linux",
        "/usr" + "/share" + "/keyrings",
        "https://www.kernel.org/",
    ],
)
def test_an_innocent_text_is_let_through(text: str) -> None:
    assert not MACHINE.search(text)
