"""A kernel tree of a few lines, with everything that opening and parsing one needs."""

from collections.abc import Callable
from pathlib import Path

import pytest

FILES = {
    "Makefile": "# a comment\nVERSION = 7\nPATCHLEVEL = 2\nSUBLEVEL = 12\nEXTRAVERSION = -test\nNAME = x\n",
    "Documentation/index.rst": "not read\n",
    "arch/x86/Kconfig": (
        "config X86\n\tdef_bool y\n\tselect ALWAYS\n\tselect NEVER if X86_32\n"
        "\tselect UNLESS if !CHAINED\n\tselect WIDE if 64BIT && \\\n\t\tPGTABLE_LEVELS > 2\n"
        "\thelp\n\t  select NOT_A_SELECT\n\nconfig ALWAYS\n\tbool\n\tselect CHAINED\n"
        "config OFF\n\tbool\n\tselect FROM_OFF\n"
    ),
    "arch/x86/Kconfig.cpufeatures": (
        "config X86_REQUIRED_FEATURE_LM\n\tdef_bool y\n\tdepends on X86_64\n\n"
        "config X86_DISABLED_FEATURE_OLD\n\tdef_bool y\n\tdepends on !OLD\n\n"
        "config X86_DISABLED_FEATURE_LM\n\tdef_bool y\n\tdepends on !X86_64\n"
    ),
    "arch/x86/entry/syscalls/syscall_32.tbl": "# number abi name\n0 i386 restart sys_restart\n",
    "arch/x86/entry/syscalls/syscall_64.tbl": ("0 common read sys_read\n3\t64\tclose sys_close\n512 x32 act sys_act\n"),
    "arch/x86/include/asm/Kbuild": "generated-y += cpufeaturemasks.h made.h\ngeneric-y += early.h\n",
    "arch/x86/include/asm/bug.h": "#define WARN_ONCE(c, ...) unseen(c)\n#include <asm-generic/bug.h>\n",
    "arch/x86/include/asm/cpufeatures.h": (
        "#define NCAPINTS 2\n#define X86_FEATURE_OLD ( 0*32+ 5)\n#define X86_FEATURE_LM ( 1*32+29) /* long */\n"
    ),
    "arch/x86/include/asm/own.h": "int own;\n",
    "arch/x86/include/uapi/asm/Kbuild": "generated-y += unistd_64.h\n",
    "arch/x86/kvm/Kconfig": "config KVM\n\ttristate\n",
    "arch/x86/kvm/mmu/mmu.c": (
        "#include <asm/bug.h>\n#include <linux/build_bug.h>\n"
        "#include <asm/early.h>\n#include <asm/unistd_64.h>\n"
        "int warn(int a) {\n"
        '  return WARN_ON_ONCE(a) + WARN_ONCE(a, "%d", a) + WARN(a, "x") + WARN_ON(a);\n}\n'
        "void bug(int a) { BUG_ON(a); if (a) BUG(); BUILD_BUG_ON(sizeof(a) != 4); BUILD_BUG(); }\n"
        "int config = CONFIG_PGTABLE_LEVELS + __NR_close;\n"
    ),
    "arch/x86/kvm/mmu/spte.c": "int spte;\n",
    "include/asm-generic/Kbuild": "mandatory-y += own.h\nmandatory-y += made.h\n",
    "include/asm-generic/bug.h": (
        "#ifndef GENERIC\n#define GENERIC\n#define WARN(c, ...) unseen(c)\n#define WARN_ON(c) unseen(c)\n"
        "#define WARN_ON_ONCE(c) unseen(c)\n#define BUG() unseen(1)\n#define BUG_ON(c) unseen(c)\n#endif\n"
    ),
    "include/asm-generic/early.h": "int early;\n",
    "include/linux/build_bug.h": (
        "#ifndef BUILD\n#define BUILD\n#define BUILD_BUG_ON_MSG(c, m)\n#define BUILD_BUG_ON(c)\n"
        "#define BUILD_BUG()\n#endif\n"
    ),
    "include/linux/compiler-version.h": "",
    "include/linux/compiler_types.h": "",
    "include/linux/kconfig.h": "#include <generated/autoconf.h>\n",
    "include/uapi/asm-generic/Kbuild": "mandatory-y += shared.h\n",
    "virt/kvm/Kconfig": "config KVM_COMMON\n\tbool\n",
}


@pytest.fixture
def kernel_files() -> dict[str, str]:
    """The files of the small kernel, for a test to change before writing them."""
    return dict(FILES)


@pytest.fixture
def write_tree() -> Callable[[Path, dict[str, str]], Path]:
    """Write files below a folder, which is made and returned."""

    def write(folder: Path, files: dict[str, str]) -> Path:
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return folder

    return write


@pytest.fixture
def kernel(tmp_path: Path, kernel_files: dict[str, str], write_tree: Callable[..., Path]) -> Path:
    """The small kernel as a folder."""
    return write_tree(tmp_path / "linux", kernel_files)
