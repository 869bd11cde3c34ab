"""Units that are parsed in one go say what they say by themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from mmuproof.lift.parsing.joined import NotJoined, parse_joined
from mmuproof.lift.parsing.printed import Printed
from mmuproof.lift.parsing.unit import ConstantNames, Unit
from mmuproof.lift.tree.stand_ins import clang_arguments, write_stand_ins
from mmuproof.model.lifted.constants import LOOKED_UP
from mmuproof.model.lifted.unit_paths import MMU_UNITS, is_of_mmu
from tests.lift.machine.conftest import CLANG

KVM = "arch/x86/kvm"
ONE, TWO = f"{KVM}/mmu/one.c", f"{KVM}/mmu/two.c"
HEADERS = {
    f"{KVM}/both.h": """
        #ifndef BOTH_H
        #define BOTH_H
        #define LIMIT 7
        extern unsigned long mask;
        int shared(int x);
        static inline int twice(int x) { return 2 * x; }
        #endif
    """,
    f"{KVM}/only_one.h": """
        #define ONLY_ONE 1
        struct only_one { int x; };
        static inline int of_one(int x) { return x; }
    """,
    "include/everywhere.h": "static inline int everywhere(int x) { return x; }\n",
}
FIRST = """
    #define pr_fmt(text) "kvm: " text
    #include "../both.h"
    #include "../only_one.h"
    #include <everywhere.h>
    unsigned long mask = 3;
    static int helper(int x) { return x + LIMIT; }
    int shared(int x) { return helper(x) + of_one(x); }
"""
SECOND = """
    #define pr_fmt(text) "kvm: " text
    #include "../both.h"
    int user(int x) { return shared(x) + twice(x) + mask; }
"""


def parse(
    folder: Path, one: str = FIRST, two: str = SECOND, headers: Mapping[str, str] | None = None
) -> dict[str, Unit]:
    for name, text in {**HEADERS, **(headers or {}), ONE: one, TWO: two}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "virt/kvm").mkdir(parents=True, exist_ok=True)
    lines = {path: [*CLANG, f"-I{folder}/include", f'-DKBUILD_BASENAME="{Path(path).stem}"'] for path in (ONE, TWO)}
    return parse_joined(folder, lines, ConstantNames(("LIMIT", "ONLY_ONE", "LATE")))


def test_each_unit_has_its_own_functions_and_those_of_its_headers(tmp_path: Path) -> None:
    units = parse(tmp_path)
    assert {*units[ONE].definitions} == {"twice", "of_one", "everywhere", "helper", "shared"}
    # That a header outside of KVM was read for another unit is no harm.
    assert {*units[TWO].definitions} == {"twice", "everywhere", "user"}


def test_what_another_unit_defines_is_declared_as_its_header_does(tmp_path: Path) -> None:
    two = Printed(parse(tmp_path)[TWO], lambda _: True)
    assert "shared" in two.unit.declared.prototypes
    assert two.unit.find_function("shared") is None
    alone = Printed(Unit(tmp_path, TWO, CLANG), lambda _: True)
    assert two.digest("user") == alone.digest("user")
    assert two.closure("user") == alone.closure("user")


def test_types_of_a_header_that_a_unit_does_not_include_are_not_there(tmp_path: Path) -> None:
    units = parse(tmp_path)
    assert "only_one" in units[ONE].declared.tagged
    assert "only_one" not in units[TWO].declared.tagged


def test_a_constant_has_the_value_that_it_has_behind_its_unit(tmp_path: Path) -> None:
    units = parse(tmp_path, two=f"{SECOND}\n#define LATE 1\n")
    assert units[ONE].constant("LATE") is None
    assert units[TWO].constant("LATE") == 1
    assert [units[path].constant("LIMIT") for path in (ONE, TWO)] == [7, 7]


def test_a_unit_whose_macros_headers_look_at_comes_last(tmp_path: Path) -> None:
    units = parse(
        tmp_path,
        one=f"#define WITH_MORE\n{FIRST}",
        headers={f"{KVM}/more.h": "#ifdef WITH_MORE\nint more(int x);\n#endif\n"},
        two=f'{SECOND}\n#include "../more.h"\n',
    )
    assert "more" not in units[TWO].declared.prototypes


#: What keeps units apart -> their texts, those of headers, and what is said of it.
APART = {
    "a macro that another one mentions": (
        f"{FIRST}\n#define WIDE 1\n",
        f"{SECOND}\nint f(int WIDE) {{ return 1; }}\n",
        {},
        "WIDE",
    ),
    "a macro that another one tests": (
        f"{FIRST}\n#define WIDE 1\n",
        f"{SECOND}\n#ifdef WIDE\nint f(void);\n#endif\n",
        {},
        "WIDE",
    ),
    "macros of both that headers look at": (
        f"#define A 1\n{FIRST}",
        f"#define B 1\n{SECOND}",
        {f"{KVM}/more.h": "#if defined(A) || defined(B)\n#endif\n"},
        "A",
    ),
    "a macro that is undefined": (f"{FIRST}\n#undef LIMIT\n", SECOND, {}, "#undef"),
    "a pragma": (f"{FIRST}\n#pragma pack(1)\n", SECOND, {}, "#pragma"),
    "a macro that means something else": (FIRST, f"{SECOND}\n#define LIMIT 8\n", {}, "LIMIT"),
    "a macro that both define in their own way": (
        f"{FIRST}\n#define SHIFT 1\n",
        f"{SECOND}\n#define SHIFT 2\n",
        {},
        "SHIFT",
    ),
    "variables of one name": (
        f"{FIRST}\nstatic int count;\n",
        f"{SECOND}\nstatic int count;\n",
        {},
        "both declare count",
    ),
    "functions of one name": (FIRST, f"{SECOND}\nstatic int helper(int x) {{ return x; }}\n", {}, "helper"),
    "a mistake in one of them": (FIRST, f"{SECOND}\nint f(void) {{ return nowhere; }}\n", {}, "nowhere"),
}


@pytest.mark.parametrize(("one", "two", "headers", "what"), APART.values(), ids=APART.keys())
def test_units_that_could_disturb_each_other_are_kept_apart(
    one: str, two: str, headers: Mapping[str, str], what: str, tmp_path: Path
) -> None:
    with pytest.raises(NotJoined, match=what):
        parse(tmp_path, one, two, headers)


def test_units_of_different_modules_are_kept_apart(tmp_path: Path) -> None:
    parse(tmp_path)
    lines = {path: [*CLANG, f'-DKBUILD_MODNAME="{path}"'] for path in (ONE, TWO)}
    with pytest.raises(NotJoined, match="not compiled alike"):
        parse_joined(tmp_path, lines)


@pytest.mark.kernel
@pytest.mark.long
@pytest.mark.parametrize("version", ["7.3", "7.2", "6.12", "6.1"])
def test_every_function_of_the_mmu_says_the_same_as_in_its_unit_alone(
    version: str, kernel_tree: Callable[[str], Path], tmp_path: Path
) -> None:
    root = kernel_tree(version)
    made = write_stand_ins(root, tmp_path)
    lines = {path: clang_arguments(root, made, path) for path in MMU_UNITS}
    for path, unit in parse_joined(root, lines, LOOKED_UP).items():
        together, alone = (Printed(each, is_of_mmu) for each in (unit, Unit(root, path, lines[path], LOOKED_UP)))
        assert together.functions == alone.functions
        for macro in LOOKED_UP.names:
            assert alone.unit.constant(macro) in (None, together.unit.constant(macro)), macro
        for name in alone.functions:
            assert together.digest(name) == alone.digest(name), name
            assert together.closure(name) == alone.closure(name), name
            assert {each: together.digest(each) for each in together.closure(name)} == {
                each: alone.digest(each) for each in alone.closure(name)
            }, name
