"""The rooms stand in one order and know only what is below them; and the repository names no machine."""

import ast
import os
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# What of mmuproof each room may import, besides itself: whole rooms, or single modules of one.
MAY_IMPORT = {
    "smt": (),
    "spec": ("smt",),
    "lift": ("smt",),
    "model": ("smt", "lift"),
    "compare": ("smt", "lift", "model"),
    "questions": ("smt", "lift", "model"),
    "proofs": ("smt.terms", "smt.graph", "smt.obligation", "spec", "model"),
    "live": (),
    "cli": ("smt", "spec", "lift", "model", "compare", "questions", "proofs", "live"),
}
# Folders of which neither may know the other: what is written by hand is held against what is lifted.
STRANGERS = ("model/reference", "model/lifted")
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
    "clang": {"lift/parsing/*"},
    "debian": {"lift/tree/*"},
    "jinja2": {"cli/formats/html.py"},
    "platformdirs": {"cli/*"},
    "cattrs": {"cli/shared/records.py"},
    "distributed": {"cli/check/cluster.py"},
    "rich": {"cli/*"},
    "typer": {"cli/*"},
}
SOURCES = sorted(path.relative_to(ROOT).as_posix() for room in MAY_IMPORT for path in (ROOT / room).rglob("*.py"))
HELPERS = sorted(path.relative_to(ROOT).as_posix() for top in ("tests", "tools") for path in (ROOT / top).rglob("*.py"))


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
    for mine, other in (STRANGERS, STRANGERS[::-1]):
        if source.startswith(f"{mine}/") and within(rest, (other.replace("/", "."),)):
            return f"{mine} and {other} do not know each other"
    if top == "mmuproof":
        return None if within(rest, (room, *MAY_IMPORT[room])) else f"{room} may not know it"
    if top in sys.stdlib_module_names or top == "_typeshed":
        return None
    known = {source, f"{room}/*", f"{source.rpartition('/')[0]}/*"}
    if not OUTSIDE.get(top, set()) & known:
        return "this package is not known here"
    return None


def place_of(module: str) -> str:
    """The folder of a module; what stands in a room beside folders is a place of its own."""
    folder, _, name = module.rpartition("/")
    return module if "/" not in folder and name != "__init__" else folder


MODULES = {source.removesuffix(".py") for source in SOURCES}


def uses() -> dict[str, set[str]]:
    """Which places each place imports from."""
    found: dict[str, set[str]] = {place_of(module): set() for module in MODULES}
    for source in SOURCES:
        me = place_of(source.removesuffix(".py"))
        for _, name in imported(tree_of(source)):
            path = name.removeprefix("mmuproof.").replace(".", "/")
            module = path if path in MODULES else path.rpartition("/")[0]
            if module in MODULES and place_of(module) != me:
                found[me].add(place_of(module))
    return found


def test_no_import_runs_back_up_between_folders() -> None:
    left = uses()
    while bottom := {place for place, used in left.items() if not used & left.keys()}:
        left = {place: used for place, used in left.items() if place not in bottom}
    assert left == {}, "these places import each other in a circle"


def test_what_is_installed_has_every_folder() -> None:
    folders = {path.parent.relative_to(ROOT) for room in MAY_IMPORT for path in (ROOT / room).rglob("*.py")}
    setup = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]
    assert set(setup["packages"]) == {".".join(("mmuproof", *folder.parts)) for folder in folders}
    assert set(setup["package-dir"]) == {f"mmuproof.{room}" for room in MAY_IMPORT}


def test_no_class_name_is_used_twice() -> None:
    places: dict[str, list[str]] = {}
    for source in (*SOURCES, *HELPERS):
        for node in ast.walk(tree_of(source)):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(source)
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


# Endings by which the names of two files may not differ alone.
ENDINGS = re.compile(r"(ations?|ators?|ings?|isons?|ions?|ors?|ers?|ed|es|s|e)$")


@pytest.mark.parametrize("folder", sorted({source.rpartition("/")[0] for source in SOURCES}))
def test_no_two_files_have_names_that_differ_by_their_endings(folder: str) -> None:
    found: dict[str, list[str]] = {}
    for path in (ROOT / folder).glob("*.py"):
        found.setdefault("_".join(ENDINGS.sub("", word) for word in path.stem.split("_")), []).append(path.stem)
    assert [names for names in found.values() if len(names) > 1] == []


# What stands in `model/` and is no area, by the folder it is in.
NO_AREAS = {
    "model": {
        "bit_names": "what the kernel calls bits of any number",
        "constants": "which macros theorems ask for",
        "edits": "changes the kernel's text",
        "features": "what kernels have or lack",
        "evidence": "how any result came about",
        "kvm": "the areas together",
        "listed_pages": "a page of those that may shadow a frame",
        "number_kinds": "which numbers have bits that mean something",
        "series": "which release comes after which",
        "result_fields": "what fields of any result mean",
        "statement": "what theorems state",
        "vendor": "for which hardware",
    },
    "model/cuts": {
        "common": "what is cut in several areas",
        "asked_flushes": "what is cut of what a vCPU is asked for",
    },
    "model/defects": {
        "catalogue": "all defects by name",
        "constants": "of the kernel's numbers, which belong to no area",
        "defect": "what a defect is",
    },
    "model/lifted": {
        "prepared_pages": "whether a page that is linked was set up before",
        "address_spaces": "the other address space of a VM",
        "asked_flushes": "what a vCPU flushes of what it is asked to",
        "arguments": "what functions are given",
        "calls_made": "what calls are given and leave",
        "changes": "what changes between two points of a run",
        "map_tails": "what is done around the loops that map a page",
        "cr4_bits": "bits of CR4",
        "tdp_mmu_use": "whether a VM uses the TDP MMU",
        "cached_roots": "which roots an MMU has, and which are given up",
        "wide_addresses": "how wide linear addresses are taken to be",
        "constants": "which macros the areas ask for",
        "bench": "free memory to call functions on",
        "entry_bench": "the same with an entry of a page table",
        "list_links": "doubly linked lists of what a run is given",
        "list_bench": "the same with a list of SPTEs",
        "kernel": "the areas together",
        "linked": "several units as one",
        "loaded_cr3": "which CR3 hardware is given",
        "mmio_notes": "where it is noted that a vCPU reaches MMIO of the host",
        "fault_members": "what a struct kvm_page_fault holds",
        "mmus": "where a vCPU keeps its MMUs",
        "once": "remembers what has been lifted",
        "variables": "which variable of a function is the one that is meant",
        "bodies": "by which it is told what a result rests on",
        "expected": "what an earlier kernel has",
        "functions": "which functions there are",
        "listed_pages": "lists of pages that may shadow a frame",
        "listed_entries": "lists of entries of page tables",
        "host_width": "how wide the host's addresses are",
        "private_frames": "which memory is private",
        "requests": "asks for set-ups",
        "round_bench": "a bench for the loops that map a page",
        "session": "calls functions",
        "unit_paths": "which units there are",
        "units": "parses them when they are needed",
        "vmcs_writes": "what is written to fields of the VMCS",
        "vmcs12": "what L1 has for L2",
        "walk_bench": "a bench for walks of guest tables to their end",
    },
    "model/reference": {"kvm": "the areas together"},
}
AREAS = {path.stem for path in (ROOT / "model").glob("*.py")} - NO_AREAS["model"].keys() - {"__init__"}


@pytest.mark.parametrize("folder", NO_AREAS)
def test_an_area_has_one_name_in_every_folder(folder: str) -> None:
    found = {path.stem for path in (ROOT / folder).iterdir() if path.suffix in ("", ".py")} - {
        "__init__",
        "__pycache__",
    }
    folders = {place.rpartition("/")[2] for place in NO_AREAS}
    # What all areas of the reference model are made with has a folder of its own.
    parts = folders | {"named"} if folder == "model" else {"base"}
    assert found - parts - NO_AREAS[folder].keys() <= AREAS
    assert NO_AREAS[folder].keys() <= found
    if folder in ("model/lifted", "model/reference"):
        assert found >= AREAS


@pytest.mark.parametrize("area", sorted(AREAS))
def test_the_classes_of_an_area_are_named_after_it(area: str) -> None:
    name = "".join(word.capitalize() for word in area.split("_"))
    by_folder = {"model": name, "model/lifted": f"Lifted{name}", "model/reference": f"Reference{name}"}
    for folder, class_name in by_folder.items():
        sources = [source for source in SOURCES if source in (f"{folder}/{area}.py", f"{folder}/{area}/{area}.py")]
        classes = {node.name for source in sources for node in tree_of(source).body if isinstance(node, ast.ClassDef)}
        assert class_name in classes, sources


@pytest.mark.parametrize("room", sorted(MAY_IMPORT))
def test_records_of_more_than_four_fields_are_keyword_only(room: str) -> None:
    wrong = [
        f"{source}:{node.lineno}: {node.name}"
        for source in SOURCES
        if source.startswith(f"{room}/")
        for node in ast.walk(tree_of(source))
        if isinstance(node, ast.ClassDef)
        and is_positional_record(node)
        and sum(isinstance(each, ast.AnnAssign) for each in node.body) > 4
    ]
    assert wrong == []


def is_positional_record(node: ast.ClassDef) -> bool:
    """Whether a class is a dataclass that takes its fields by position."""
    for each in node.decorator_list:
        call = each.func if isinstance(each, ast.Call) else each
        if isinstance(call, ast.Name) and call.id == "dataclass":
            return not (isinstance(each, ast.Call) and any(keyword.arg == "kw_only" for keyword in each.keywords))
    return False


def strings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """The line and text of each string that is no documentation and no reason."""
    said = {id(each.value) for each in ast.walk(tree) if isinstance(each, ast.Expr)}
    for each in ast.walk(tree):
        if isinstance(each, ast.keyword) and each.arg == "reason":
            said |= {id(part) for part in ast.walk(each.value)}
    for each in ast.walk(tree):
        if isinstance(each, ast.Constant) and isinstance(each.value, str) and id(each) not in said:
            yield each.lineno, each.value


#: By which position what reads and writes the memory of a lifted tree is told a struct, a member or a variable.
TOLD_A_NAME = {
    "add": (1,),
    "at_head": (0,),
    "bit_field": (1,),
    "constant": (0,),
    "constant_of": (1, 2, 3),
    "flag": (1, 2),
    "global_object": (0,),
    "global_value": (1, 2, 3),
    "has_member": (0, 1),
    "has_variable": (0,),
    "member": (1, 2, 3),
    "member_at": (1,),
    "of": (2,),
    "place": (1,),
    "place_of": (1,),
    "pointee": (1,),
    "read": (1,),
    "record": (0,),
    "set": (0,),
    "setting": (0,),
    "variable_of": (1,),
    "write": (1,),
}
#: The same of what a cut says that a call writes.
SAID_OF_A_CUT = ("writes", "elsewhere", "writes_globals", "stores")
#: What is a name of no tree: what an argument leads to, and where a call through a pointer stands.
NO_NAME = re.compile(r"argument \d?|[^A-Za-z]*")


def names_told(tree: ast.Module) -> Iterator[ast.AST]:
    """Where a struct, a member, a variable or a constant of a tree is told."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            yield from (node.args[each] for each in TOLD_A_NAME.get(name, ()) if each < len(node.args))
            yield from (each.value for each in node.keywords if each.arg in SAID_OF_A_CUT)
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Attribute) and node.value.attr == "members":
            yield node.slice


def in_it(node: ast.AST) -> Iterator[ast.AST]:
    """What stands in an argument; what a call in it is told is that call's."""
    if not isinstance(node, ast.Call):
        yield node
        for each in ast.iter_child_nodes(node):
            yield from in_it(each)


def test_what_trees_call_things_is_spelled_in_the_tables_of_names_alone() -> None:
    asked = [source for source in SOURCES if source.startswith(("model/lifted/", "model/cuts/"))]
    told = [(source, node) for source in asked for node in names_told(tree_of(source))]
    assert len(told) > 1000
    wrong = [
        f"{source}:{each.lineno}: {each.value}"
        for source, node in told
        for each in in_it(node)
        if isinstance(each, ast.Constant) and isinstance(each.value, str) and not NO_NAME.fullmatch(each.value)
    ]
    assert wrong == []


def functions_named(source: str) -> Iterator[str]:
    """The functions that a file names as calls that are not followed."""
    for node in ast.walk(tree_of(source)):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            told = [each.value for each in node.keywords if called == "Cut" and each.arg == "function"]
            told += node.args[1:] if called == "each" else []
            yield from (each.value for each in told if isinstance(each, ast.Constant) and isinstance(each.value, str))


def test_a_function_that_several_cuts_name_is_in_the_table_of_functions() -> None:
    named = [name for source in SOURCES if source.startswith("model/cuts/") for name in functions_named(source)]
    table = {text for _, text in strings(tree_of("model/named/functions.py"))}
    assert len(named) > 200
    assert sorted({name for name in named if named.count(name) > 1 or name in table}) == []


@cache
def names_asked_for() -> frozenset[tuple[str, str]]:
    """What is taken of the tables of names: the table, and the name in it."""
    found: set[tuple[str, str]] = set()
    for source in (each for each in SOURCES if each.startswith(("model/", "compare/", "questions/"))):
        for node in ast.walk(tree_of(source)):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                found.add((node.value.id, node.attr))
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("mmuproof.model.named."):
                found |= {((node.module or "").rpartition(".")[2], each.name) for each in node.names}
    return frozenset(found)


@pytest.mark.parametrize("table", [source for source in SOURCES if source.startswith("model/named/")])
def test_each_name_of_a_table_is_asked_for(table: str) -> None:
    module = table.removeprefix("model/named/").removesuffix(".py")
    names = [node for node in ast.walk(tree_of(table)) if isinstance(node, ast.Name)]
    defined = {node.id for node in names if isinstance(node.ctx, ast.Store)}
    used_here = {node.id for node in names if isinstance(node.ctx, ast.Load)}
    used = {name for asked, name in names_asked_for() if asked == module}
    assert [name for name in sorted(defined - used_here - used) if name.isupper()] == []


@pytest.mark.parametrize("table", [source for source in SOURCES if source.startswith("model/named/")])
def test_a_table_spells_a_member_once(table: str) -> None:
    paths = [text for _, text in strings(tree_of(table)) if " " not in text and re.match(r"\w", text)]
    whole = {path for path in paths if path.isidentifier()} - {"arch"}
    spelled_again = [path for path in paths if path not in whole and whole & set(re.split(r"->|\W", path))]
    assert spelled_again == []


def test_the_formatter_is_let_off_in_few_places() -> None:
    spared = [source for source in SOURCES if re.search("# fmt:" + " (skip|off)", (ROOT / source).read_text("utf-8"))]
    assert spared == []


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
        ("lift/parsing/unit.py", "from mmuproof.spec.ept import EptPermissions"),
        ("model/kvm.py", "from mmuproof.spec import ept"),
        ("model/reference/kvm.py", "from mmuproof.model.lifted.kernel import open_kernel"),
        ("model/lifted/kernel.py", "from mmuproof.model.reference.kvm import ReferenceKvm"),
        ("model/kvm.py", "from mmuproof.compare.ways import Compared"),
        ("compare/ways.py", "from mmuproof.proofs.theorem import Theorem"),
        ("questions/posed.py", "from mmuproof.compare.ways import Compared"),
        ("lift/machine/expressions.py", "from clang.cindex import Cursor"),
        ("model/kvm.py", "from mmuproof.proofs.theorem import Theorem"),
        ("proofs/layout/acc.py", "from mmuproof.smt import solver"),
        ("proofs/layout/acc.py", "from mmuproof.smt.solver import solve"),
        ("proofs/layout/acc.py", "from mmuproof.lift.parsing.unit import Unit"),
        ("proofs/layout/acc.py", "from mmuproof.cli.main import main"),
        ("proofs/layout/acc.py", "import z3"),
        ("lift/machine/machine.py", "from clang.cindex import Cursor"),
        ("smt/terms.py", "import z3"),
        ("smt/terms.py", "import mmuproof"),
        ("cli/prove/prove.py", "from mmuproof.smt.terms import *"),
        ("cli/prove/prove.py", "from .report import print_report"),
        ("cli/prove/prove.py", "import numpy"),
    ],
)
def test_a_wrong_import_would_be_found(source: str, statement: str) -> None:
    assert [why for _, name in imported(ast.parse(statement)) if (why := forbidden(source, name))]


@pytest.mark.parametrize(
    ("source", "statement"),
    [
        ("proofs/layout/acc.py", "from mmuproof.smt import terms"),
        ("proofs/layout/acc.py", "from mmuproof.spec import ept, npt"),
        ("cli/prove/prove.py", "import rich.table"),
        ("smt/solver.py", "import z3"),
        ("smt/solver.py", "from mmuproof.smt.terms import Term"),
        ("lift/tree/archive.py", "from debian.debfile import DebFile"),
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
)
# A path of no machine in particular.
ALLOWED = {"tests/lift/tree/test_source.py": {"/".join(["", "tmp", "e"])}}  # a member of a hostile archive


def files() -> Iterator[Path]:
    for folder, subfolders, names in os.walk(ROOT):
        subfolders[:] = [
            name
            for name in subfolders
            if name not in NOT_OURS
            and not name.endswith(".egg-info")
            and (not name.startswith(".") or name in (".ci", ".github"))
        ]
        # A work tree of git's has a file where a repository has a folder.
        yield from (Path(folder, name) for name in names if name not in NOT_OURS)


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
