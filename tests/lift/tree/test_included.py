"""Which files a unit may consist of: too many rather than too few."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mmuproof.lift.tree.included import Included

UNIT = "arch/x86/kvm/mmu/mmu.c"
FILES = {
    UNIT: '#include "own.h"\n  #  include <linux/far.h>\n#ifdef NEVER\n#include <asm/never.h>\n#endif\n',
    "arch/x86/kvm/mmu/own.h": '#include "../up.h"\n',
    "arch/x86/kvm/up.h": "#include <asm/generated.h>\n",
    "include/linux/far.h": "#include <linux/circle.h>\n#include_next <linux/next.h>\n",
    "include/linux/circle.h": "#include <linux/far.h>\n",
    "include/linux/next.h": "// #include <linux/comment.h>\n",
    "include/linux/comment.h": "",
    "include/linux/kconfig.h": "#include <linux/config.h>\n",
    "include/linux/config.h": "",
    "include/asm-generic/generated.h": "#include <linux/generic.h>\n",
    "include/linux/generic.h": "",
    "arch/x86/include/asm/never.h": "",
    "include/linux/unrelated.h": "#include <linux/far.h>\n",
    "arch/x86/kvm/other.h": "",
}


@pytest.fixture
def included(tmp_path: Path, write_tree: Callable[[Path, dict[str, str]], Path]) -> Included:
    return Included(write_tree(tmp_path / "linux", FILES))


@pytest.mark.parametrize(
    "file",
    [
        UNIT,
        "arch/x86/kvm/mmu/own.h",
        "arch/x86/kvm/up.h",
        "include/linux/far.h",
        "include/linux/circle.h",
        "include/linux/next.h",
        "include/linux/kconfig.h",
        "include/linux/config.h",
        "include/asm-generic/generated.h",
        "include/linux/generic.h",
        "arch/x86/include/asm/never.h",
    ],
)
def test_a_unit_reaches_what_it_may_include(file: str, included: Included) -> None:
    assert included.reaches(UNIT, {file})


@pytest.mark.parametrize("file", ["include/linux/unrelated.h", "arch/x86/kvm/other.h", "include/linux/comment.h"])
def test_a_unit_does_not_reach_what_nothing_in_it_includes(file: str, included: Included) -> None:
    assert not included.reaches(UNIT, {file})


def test_one_of_several_files_is_enough(included: Included) -> None:
    assert included.reaches(UNIT, {"arch/x86/kvm/other.h", "include/linux/generic.h"})
    assert not included.reaches(UNIT, ())


def test_a_file_that_is_not_there_yet_is_reached(included: Included, tmp_path: Path) -> None:
    (tmp_path / "linux" / UNIT).write_text('#include "new.h"\n')
    assert included.reaches(UNIT, {"arch/x86/kvm/mmu/new.h"})
