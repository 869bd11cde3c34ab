"""What nobody says of KVM's symbols follows from what is said, as in a build."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmuproof.lift.errors import SourceError
from mmuproof.lift.tree.asked import asked_symbols, left_out
from mmuproof.lift.tree.conditions import MODULE, OFF, ON, tristate
from mmuproof.lift.tree.configuration import Configuration, configuration
from mmuproof.lift.tree.dot_config import DotConfig, read_dot_config
from mmuproof.lift.tree.generated import autoconf
from mmuproof.lift.tree.kconfig import entries
from mmuproof.lift.tree.makefile import units_of_left_out_modules
from mmuproof.lift.tree.stand_ins import clang_arguments, write_stand_ins

KCONFIG = """\
menuconfig VIRTUALIZATION
\tbool "Virtualization"
\tdefault y

if VIRTUALIZATION

config KVM
\ttristate "KVM"
\tdepends on X86
config KVM_INTEL
\ttristate "Intel"
\tdepends on KVM && IA32_FEAT_CTL
config KVM_AMD
\ttristate "AMD"
\tdepends on KVM
config KVM_X86
\tdef_tristate KVM if (KVM_INTEL != n || KVM_AMD != n)
\tselect KVM_SELECTED
\tselect KVM_WHERE if KVM_SMALL
config KVM_SELECTED
\tbool
config KVM_WHERE
\tbool
config KVM_DEFAULT
\tbool "with a default"
\tdefault y if FIRST # a comment
\tdefault n
\thelp
\t  default n
config KVM_BLOCKED
\tbool "that cannot be"
\tdefault y
\tdepends on ELSEWHERE
config KVM_NUMBER
\tint "how many"
\trange 1 9
\tdefault 9 if MANY
\tdefault 4
config KVM_ADDRESS
\thex
\tdefault 1000
config KVM_FOLLOWS
\ttristate
\tdefault KVM
config KVM_FOLLOWS_ON
\tbool
\tdefault KVM
config KVM_ASKS
\tdef_bool $(success,true)
config KVM_IMPLIES
\tbool
\tdefault y
\timply OTHER
config KVM_TDX
\tbool "TDX"
\tdepends on TDX_HOST
choice
\tprompt "one"
config KVM_ONE
\tbool "one"
\tdefault y
endchoice

endif

config OUTSIDE
\tdef_bool y
"""
X86 = """\
config X86
\tdef_bool y
\tselect LAZY if PARAVIRT_XXL
config TDX_HOST
\tbool "host"
\tdepends on KVM_INTEL
"""
ALL = {"X86_64": "y", "X86": "y", "VIRTUALIZATION": "y", "KVM": "m", "KVM_INTEL": "m", "KVM_AMD": "m"}


@pytest.fixture
def tree(kernel: Path) -> Path:
    """The small kernel, with symbols of each kind."""
    (kernel / "arch/x86/kvm/Kconfig").write_text(KCONFIG)
    (kernel / "arch/x86/Kconfig").write_text(X86)
    return kernel


def dot(folder: Path, **values: str) -> DotConfig:
    """A file with some symbols beside those that everybody has."""
    file = folder / "my.config"
    file.write_text(
        "".join(f"CONFIG_{name}={each}\n" for name, each in {**ALL, "IA32_FEAT_CTL": "y", **values}.items())
    )
    return read_dot_config(file)


def taken(config: Configuration) -> dict[str, tuple[str, str]]:
    return {each.symbol: (each.value, each.why) for each in config.taken}


@pytest.mark.parametrize(
    ("condition", "value"),
    [
        ("M", MODULE),
        ("!M", MODULE),
        ("Y && M", MODULE),
        ("M || N", MODULE),
        ("M=m", ON),
        ("M = y", OFF),
        ('S = "t"', ON),
    ],
)
def test_a_condition_has_one_of_three_values(condition: str, value: int) -> None:
    assert tristate(condition, {"M": "m", "Y": "y", "S": '"t"'}) == value


@pytest.mark.parametrize(
    ("symbol", "value", "why"),
    [
        ("KVM_X86", "m", "default KVM if (KVM_INTEL != n || KVM_AMD != n)"),
        ("KVM_SELECTED", "y", "selected by KVM_X86"),
        ("KVM_WHERE", "n", "no default, and nothing that is on selects it"),
        ("KVM_DEFAULT", "y", "default y if FIRST"),
        ("KVM_BLOCKED", "n", "default y, but it depends on ELSEWHERE, which is off"),
        ("KVM_NUMBER", "4", "default 4"),
        ("KVM_ADDRESS", "1000", "default 1000"),
        ("KVM_FOLLOWS", "m", "default KVM"),
        ("KVM_FOLLOWS_ON", "y", "default KVM"),
    ],
)
def test_a_symbol_of_kvms_that_nobody_sets_takes_its_default(
    tree: Path, tmp_path: Path, symbol: str, value: str, why: str
) -> None:
    found = configuration(tree, dot(tmp_path, FIRST="y"))
    assert taken(found)[symbol] == (value, why)
    assert ("n" if value == "n" else found.values[symbol]) == ("0x1000" if symbol == "KVM_ADDRESS" else value)


@pytest.mark.parametrize("symbol", ["KVM_ASKS", "KVM_IMPLIES", "KVM_ONE"])
def test_what_cannot_be_evaluated_is_told_and_not_guessed(tree: Path, tmp_path: Path, symbol: str) -> None:
    found = configuration(tree, dot(tmp_path))
    assert taken(found)[symbol][1].startswith("cannot be evaluated, taken as not set: ")
    assert symbol not in found.values


def test_it_is_known_that_symbols_of_other_architectures_are_not_set(tree: Path, tmp_path: Path) -> None:
    for found in (configuration(tree, None), configuration(tree, dot(tmp_path))):
        assert found.decides("KVM_MPIC")
        assert "KVM_MPIC" not in found.values
        assert not found.decides("KVM_PIC_OF_NOBODY")


def test_of_symbols_that_are_not_kvms_nothing_is_taken(tree: Path, tmp_path: Path) -> None:
    (tree / "virt/kvm/Kconfig").write_text("config KVM_COMMON\n\tdef_bool y\n")
    found = configuration(tree, dot(tmp_path))
    assert found.values["KVM_COMMON"] == "y"
    assert "TDX_HOST" not in taken(found)


def test_what_is_said_is_not_replaced_by_a_default_but_by_what_selects_it(tree: Path, tmp_path: Path) -> None:
    found = configuration(
        tree, dot(tmp_path, KVM_DEFAULT="n", KVM_SELECTED="n", FIRST="y", KVM_NUMBER="7", KVM_SMALL="y")
    )
    assert "KVM_DEFAULT" not in found.values
    assert (found.values["KVM_SELECTED"], found.values["KVM_NUMBER"], found.values["KVM_WHERE"]) == ("y", "7", "y")
    assert not taken(found).keys() & {"KVM_DEFAULT", "KVM_SELECTED", "KVM_NUMBER"}


def test_what_a_build_would_not_leave_on_goes_off_and_that_is_told(tree: Path, tmp_path: Path) -> None:
    given = dot(tmp_path, KVM_INTEL="n", TDX_HOST="y", KVM_TDX="y", KVM_BLOCKED="y")
    found = configuration(tree, given)
    assert not found.values.keys() & {"TDX_HOST", "KVM_TDX", "KVM_BLOCKED"}
    assert set(found.remarks) == {
        f"CONFIG_KVM_BLOCKED=y at {given.at('KVM_BLOCKED')} becomes n: it depends on ELSEWHERE",
        f"CONFIG_TDX_HOST=y at {given.at('TDX_HOST')} becomes n: it depends on KVM_INTEL",
        f"CONFIG_KVM_TDX=y at {given.at('KVM_TDX')} becomes n: it depends on TDX_HOST",
    }


def test_what_is_built_in_becomes_a_module_with_what_it_depends_on(tree: Path, tmp_path: Path) -> None:
    found = configuration(tree, dot(tmp_path, KVM_AMD="y"))
    assert (found.values["KVM_AMD"], len(found.remarks)) == ("m", 1)


def test_a_configuration_under_which_no_kvm_is_built_is_refused(tree: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no KVM is built: CONFIG_KVM_INTEL=m at .*my\.config:5 becomes n"):
        configuration(tree, dot(tmp_path, KVM_AMD="n", IA32_FEAT_CTL="n"))


def test_what_the_compiler_is_asked_is_answered_as_for_the_one_that_reads(tree: Path, tmp_path: Path) -> None:
    found = configuration(tree, dot(tmp_path, CC_IS_GCC="y", GCC_VERSION="160200", CLANG_VERSION="0", CC_OPTIMIZE="y"))
    assert "CC_IS_GCC" not in found.values
    assert (found.values["CC_IS_CLANG"], found.values["GCC_VERSION"], found.values["CC_OPTIMIZE"]) == ("y", "0", "y")


def test_what_is_patched_into_a_kernel_is_read_as_off_with_what_only_it_selects_and_that_is_told(
    tree: Path, tmp_path: Path
) -> None:
    found = configuration(tree, dot(tmp_path, PARAVIRT_XXL="y", LAZY="y", NR_CPUS="8192"))
    assert not found.values.keys() & {"PARAVIRT_XXL", "LAZY"}
    assert found.values["NR_CPUS"] == "64"
    assert [each.partition(" at ")[0] for each in found.remarks] == [
        "CONFIG_PARAVIRT_XXL=y",
        "CONFIG_LAZY=y",
        "CONFIG_NR_CPUS=8192",
    ]


@pytest.mark.parametrize(
    ("symbol", "why"),
    [
        ("LOCKDEP", "which locks are held is outside of what is proved"),
        ("LIST_HARDENED", "the kernel's lists are taken to be whole"),
        ("PREEMPTION", "when a task gives way to others changes nothing that it does itself"),
        ("KASAN", "what the compiler adds to watch the code changes nothing else"),
    ],
)
def test_what_is_outside_of_what_is_proved_is_off_and_that_is_told(
    tree: Path, tmp_path: Path, symbol: str, why: str
) -> None:
    found = configuration(tree, dot(tmp_path, **{symbol: "y"}))
    assert symbol not in found.values
    (told,) = found.remarks
    assert told.startswith(f"CONFIG_{symbol}=y at ")
    assert told.endswith(f"is read as n: {why}")


def test_what_is_off_for_one_reason_is_told_in_one_sentence(tree: Path, tmp_path: Path) -> None:
    file = dot(tmp_path, LOCKDEP="y", A="y", PROVE_RCU="y")
    (told,) = configuration(tree, file).remarks
    lines = [file.at(each).rpartition(":")[2] for each in ("LOCKDEP", "PROVE_RCU")]
    assert told.startswith(f"CONFIG_LOCKDEP=y, CONFIG_PROVE_RCU=y at {file.file}:{', '.join(lines)} are read as n: ")


def test_what_is_not_modelled_is_off_as_well_where_the_file_does_not_name_it(tree: Path, tmp_path: Path) -> None:
    text = KCONFIG + "config KVM_AMD_SEV\n\tbool\n\tdefault y\n\tdepends on KVM_AMD\n"
    (tree / "arch/x86/kvm/Kconfig").write_text(text)
    found = configuration(tree, dot(tmp_path))
    assert "KVM_AMD_SEV" not in found.values
    assert any("which does not name it, is read as n: guests whose memory" in each for each in found.remarks)
    assert configuration(tree, dot(tmp_path, KVM_AMD="n")).remarks == ()


def test_a_module_has_a_macro_of_its_own_and_strings_and_numbers_stay_as_they_are() -> None:
    values = {"A": "y", "B": "m", "C": '"a \\"b\\""', "D": "-5", "E": "0x10"}
    assert autoconf(values).splitlines() == [
        "#define CONFIG_A 1",
        "#define CONFIG_B_MODULE 1",
        '#define CONFIG_C "a \\"b\\""',
        "#define CONFIG_D -5",
        "#define CONFIG_E 0x10",
    ]


def test_a_module_is_compiled_as_one(tree: Path, tmp_path: Path) -> None:
    (tree / "arch/x86/kvm/svm").mkdir()
    (tree / "arch/x86/kvm/svm/svm.c").touch()
    made = write_stand_ins(tree, tmp_path / "out", dot(tmp_path, KVM="y", KVM_INTEL="y"))
    assert "-DMODULE" in clang_arguments(tree, made, "arch/x86/kvm/svm/svm.c")
    assert "-DMODULE" not in clang_arguments(tree, made, "arch/x86/kvm/mmu/mmu.c")


def test_blocks_around_an_entry_are_depended_on() -> None:
    text = (
        "menu x\n\tdepends on A\nif B # c\nconfig C\n\tdepends on D if E\nendif\nconfig F\nendmenu\nconfig G\n\tbool\n"
    )
    assert {each.symbol: (each.depends, each.at) for each in entries(text, "K")} == {
        "C": (["A", "B", "!(E) || (D)"], "K:4"),
        "F": (["A"], "K:7"),
        "G": ([], "K:9"),
    }


C = """\
#ifdef CONFIG_KVM_TDX
#endif /* CONFIG_IN_A_COMMENT */
// CONFIG_IN_ANOTHER
char *text = "CONFIG_IN_A_STRING", quote = '"';
int a = IS_ENABLED(CONFIG_KVM_AMD) + IS_ENABLED(CONFIG_UNKNOWN);
#if defined(CONFIG_KVM_AMD_MODULE) || defined(CONFIG_ODD_MODULE)
#endif
"""


def test_a_symbol_that_kvm_tests_and_nobody_defines_is_told_with_its_places(tree: Path, tmp_path: Path) -> None:
    mmu = "arch/x86/kvm/mmu/mmu.c"
    (tree / mmu).write_text(C + '#include "near.h"\n#include <linux/kvm_host.h>\n#include <linux/list.h>\n')
    (tree / "arch/x86/kvm/mmu/near.h").write_text("#ifdef CONFIG_UNKNOWN\n#endif\n")
    (tree / "include/linux/kvm_host.h").write_text("#ifdef CONFIG_S390\n#endif\n")
    (tree / "include/linux/list.h").write_text("#ifdef CONFIG_NOT_KVMS\n#endif\n")
    found = {each.symbol: each for each in asked_symbols(tree, [mmu], configuration(tree, dot(tmp_path)))}
    assert {name: (each.value, each.known) for name, each in found.items()} == {
        "KVM_AMD": ("m", True),
        "KVM_TDX": ("n", True),
        "ODD_MODULE": ("n", False),
        "S390": ("n", False),
        "UNKNOWN": ("n", False),
    }
    assert found["UNKNOWN"].at == ("arch/x86/kvm/mmu/mmu.c:5", "arch/x86/kvm/mmu/near.h:1") or found["UNKNOWN"].at == (
        "arch/x86/kvm/mmu/near.h:1",
        "arch/x86/kvm/mmu/mmu.c:5",
    )
    assert found["KVM_AMD"].where == f"{mmu}:5 +1"


@pytest.mark.parametrize(
    ("makefile", "kconfig", "out"),
    [
        ("obj-$(CONFIG_KVM_AMD) += kvm-amd.o\n", KCONFIG, True),
        ("obj-$(CONFIG_KVM_SVM) += kvm-amd.o\n", KCONFIG, False),
        ("obj-$(CONFIG_KVM_AMD) += kvm-amd.o\n", KCONFIG.replace("KVM_AMD", "KVM_SVM"), False),
    ],
)
def test_code_is_left_out_by_a_symbol_that_kconfig_and_the_code_have(
    tree: Path, tmp_path: Path, makefile: str, kconfig: str, out: bool
) -> None:
    (tree / "arch/x86/kvm/Kconfig").write_text(kconfig)
    (tree / "arch/x86/kvm/Makefile").write_text(makefile)
    given = dot(tmp_path, KVM_AMD="n")
    found = left_out(tree, configuration(tree, given), [])
    assert found == ({"KVM_AMD": f"CONFIG_KVM_AMD is not set ({given.at('KVM_AMD')})"} if out else {})


def test_units_of_a_module_that_is_not_built_are_told(tree: Path, tmp_path: Path) -> None:
    (tree / "arch/x86/kvm/Makefile").write_text(
        "kvm-y += mmu/mmu.o hyperv.o\nkvm-amd-y += svm/svm.o \\\n\tsvm/nested.o\nkvm-amd-$(CONFIG_KVM_HYPERV) += hyperv.o\n"
        "kvm-intel-y += vmx/vmx.o\nobj-$(CONFIG_KVM) += kvm.o\nobj-$(CONFIG_KVM_INTEL) += kvm-intel.o\n"
        "obj-$(CONFIG_KVM_AMD) += kvm-amd.o\n"
    )
    found = units_of_left_out_modules(tree, configuration(tree, dot(tmp_path, KVM_AMD="n")))
    assert found == {"arch/x86/kvm/svm/svm.c", "arch/x86/kvm/svm/nested.c"}
    assert units_of_left_out_modules(tree, configuration(tree, dot(tmp_path))) == frozenset()
