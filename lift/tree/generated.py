"""The headers that a kernel build generates, made without building anything.

Each function returns ``path -> text``, the path as it stands below the build folder. What a build would
measure with the compiler (`bounds.h`, `timeconst.h`) is filled with plausible constants: they size page
flags, locks and timers, not page-table entries.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from mmuproof.lift.errors import SourceError

_ARCH = "arch/x86/include/generated/asm"
_ARCH_UAPI = "arch/x86/include/generated/uapi/asm"
_KBUILD_LINE = re.compile(r"^\s*(generic-y|mandatory-y|generated-y)\s*[+:]?=\s*(.*)$", re.MULTILINE)
_FEATURE = re.compile(r"^#define\s+X86_FEATURE_(\w+)\s+\(\s*(\d+)\s*\*\s*32\s*\+\s*(\d+)\s*\)", re.MULTILINE)
_WORDS = re.compile(r"^#define\s+NCAPINTS\s+(\d+)", re.MULTILINE)


def headers(root: Path, config: Mapping[str, str], version: tuple[int, int, int]) -> dict[str, str]:
    """Everything that an unbuilt tree lacks, for this configuration and kernel version.

    Raises:
        SourceError: a file of the tree from which a header is made is missing or unreadable.
    """
    return {
        "include/generated/autoconf.h": autoconf(config),
        **_constants(config, version),
        **_system_calls(root),
        **_asm_generic(root),
        **_feature_masks(root, config),
    }


def autoconf(config: Mapping[str, str]) -> str:
    """The configuration as C macros, as a build writes it: what is a module has a macro of its own."""
    return "".join(
        f"#define CONFIG_{name}_MODULE 1\n"
        if value == "m"
        else f"#define CONFIG_{name} {1 if value == 'y' else value}\n"
        for name, value in config.items()
    )


def _constants(config: Mapping[str, str], version: tuple[int, int, int]) -> dict[str, str]:
    major, minor, patch = version
    processors = int(config.get("NR_CPUS", "1"), 0)
    return {
        "include/generated/bounds.h": _defines(
            NR_PAGEFLAGS=26,
            MAX_NR_ZONES=4 + ("ZONE_DEVICE" in config),
            NR_CPUS_BITS=(processors - 1).bit_length(),
            SPINLOCK_SIZE=4,
            LRU_GEN_WIDTH=0,
            __LRU_REFS_WIDTH=0,
        ),
        "include/generated/timeconst.h": _defines(
            **{
                f"{left}_{kind}": 1
                for left in ("HZ_TO_MSEC", "MSEC_TO_HZ", "HZ_TO_USEC", "USEC_TO_HZ", "HZ_TO_NSEC", "NSEC_TO_HZ")
                for kind in ("MUL32", "ADJ32", "SHR32", "NUM", "DEN")
            }
        ),
        "include/generated/utsrelease.h": f'#define UTS_RELEASE "{major}.{minor}.{patch}"\n',
        "include/generated/uapi/linux/version.h": _defines(
            LINUX_VERSION_CODE=(major << 16) + (minor << 8) + min(patch, 255),
            LINUX_VERSION_MAJOR=major,
            LINUX_VERSION_PATCHLEVEL=minor,
            LINUX_VERSION_SUBLEVEL=patch,
        )
        + "#define KERNEL_VERSION(a, b, c) (((a) << 16) + ((b) << 8) + ((c) > 255 ? 255 : (c)))\n",
        "include/generated/rq-offsets.h": _defines(RQ_nr_pinned=0),
        "include/generated/asm-offsets.h": "",
        "include/generated/compile.h": "",
        f"{_ARCH}/syscalls_32.h": "",
        f"{_ARCH}/syscalls_64.h": "",
        f"{_ARCH}/syscalls_x32.h": "",
        f"{_ARCH}/xen-hypercalls.h": "",
    }


def _system_calls(root: Path) -> dict[str, str]:
    wide = list(_table(root, "arch/x86/entry/syscalls/syscall_64.tbl"))
    narrow = list(_table(root, "arch/x86/entry/syscalls/syscall_32.tbl"))
    return {
        f"{_ARCH_UAPI}/unistd_64.h": _numbers(wide, ("common", "64")),
        f"{_ARCH_UAPI}/unistd_x32.h": _numbers(wide, ("common", "x32"), base="__X32_SYSCALL_BIT"),
        f"{_ARCH_UAPI}/unistd_32.h": _numbers(narrow, ("i386",)),
        f"{_ARCH}/unistd_64_x32.h": _numbers(wide, ("x32",), prefix="x32_"),
        f"{_ARCH}/unistd_32_ia32.h": _numbers(narrow, ("i386",), prefix="ia32_"),
    }


def _table(root: Path, name: str) -> Iterator[tuple[int, str, str]]:
    for line in _read(root, name).splitlines():
        fields = line.split("#", 1)[0].split()
        if len(fields) >= 3 and fields[0].isdigit():
            yield int(fields[0]), fields[1], fields[2]


def _numbers(table: list[tuple[int, str, str]], abis: tuple[str, ...], *, prefix: str = "", base: str = "") -> str:
    calls = [(number, name) for number, abi, name in table if abi in abis]
    lines = [
        f"#define __NR_{prefix}{name} " + (f"({base} + {number})" if base else str(number)) for number, name in calls
    ]
    highest = max((number for number, _ in calls), default=-1)
    lines.append(f"#define __NR_{prefix}syscalls {highest + 1}")
    return "\n".join(lines) + "\n"


def _asm_generic(root: Path) -> dict[str, str]:
    made = {}
    for ours, generic, built in (
        ("arch/x86/include/asm", "include/asm-generic", _ARCH),
        ("arch/x86/include/uapi/asm", "include/uapi/asm-generic", _ARCH_UAPI),
    ):
        own = _kbuild(_read(root, f"{ours}/Kbuild"))
        shared = _kbuild(_read(root, f"{generic}/Kbuild"))
        for name in sorted((own["generic-y"] | shared["mandatory-y"]) - own["generated-y"]):
            if not (root / ours / name).exists():
                made[f"{built}/{name}"] = f"#include <asm-generic/{name}>\n"
    return made


def _kbuild(text: str) -> dict[str, set[str]]:
    lists: dict[str, set[str]] = {"generic-y": set(), "mandatory-y": set(), "generated-y": set()}
    for kind, names in _KBUILD_LINE.findall(text.replace("\\\n", " ")):
        lists[kind].update(names.split("#", 1)[0].split())
    return lists


def _feature_masks(root: Path, config: Mapping[str, str]) -> dict[str, str]:
    """``asm/cpufeaturemasks.h``, which exists from 6.15 on: the CPU features fixed by the configuration."""
    if "cpufeaturemasks.h" not in _kbuild(_read(root, "arch/x86/include/asm/Kbuild"))["generated-y"]:
        return {}
    text = _read(root, "arch/x86/include/asm/cpufeatures.h")
    count = _WORDS.search(text)
    if count is None:
        raise SourceError("the tree's arch/x86/include/asm/cpufeatures.h does not define NCAPINTS")
    lines = []
    for kind in ("REQUIRED", "DISABLED"):
        words = [0] * int(count[1])
        for name, word, bit in _FEATURE.findall(text):
            if f"X86_{kind}_FEATURE_{name}" in config and int(word) < len(words):
                words[int(word)] |= 1 << int(bit)
        lines += [f"#define {kind}_MASK{word} {mask:#010x}U" for word, mask in enumerate(words)]
        chosen = "".join(f"((x) >> 5) == {word} ? {kind}_MASK{word} : " for word, mask in enumerate(words) if mask)
        lines.append(f"#define {kind}_MASK_BIT_SET(x) (({chosen}0) & (1U << ((x) & 31)))")
    return {f"{_ARCH}/cpufeaturemasks.h": "\n".join(lines) + "\n"}


def _defines(**values: int) -> str:
    return "".join(f"#define {name} {value}\n" for name, value in values.items())


def _read(root: Path, name: str) -> str:
    try:
        return (root / name).read_text("utf-8", errors="replace")
    except OSError as error:
        raise SourceError(f"the tree's {name} cannot be read: {error.strerror}") from error
