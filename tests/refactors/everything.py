"""Everything of a kind another at once: the names of functions, members, parameters and variables, and truth values."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

_KVM = "arch/x86/kvm"
_MMU = (f"{_KVM}/mmu.h", *(f"{_KVM}/mmu/*.{ending}" for ending in "ch"))
_EVERYWHERE = (
    f"{_KVM}/**/*.[ch]",
    "arch/x86/include/asm/kvm*.h",
    "arch/x86/include/asm/vmx.h",
    "include/linux/kvm_host.h",
    "include/linux/kvm_types.h",
    "virt/kvm/*.[ch]",
)
_OF_KVM = (f"{_KVM}/**/*.[ch]", "arch/x86/include/asm/kvm_host.h", "include/linux/kvm_host.h", "virt/kvm/kvm_main.c")
_DEFINITION = re.compile(
    r"^(?P<before>[a-z][^;{}()=#]*?[\s*])(?:FNAME\()?(?P<name>\w+)\)?\((?P<parameters>[^;{}]*?)\)\s*\n\{\n.*?^\}",
    re.MULTILINE | re.DOTALL,
)
_VARIABLE = re.compile(
    r"^\t+(?!return\b|goto\b|else\b|case\b)(?:(?:const|struct|union|enum|unsigned) )*\w+ (?:__rcu )?\**(\w+)"
    r"(?: = [^;,]*|\[[^;,]*)?[;,]",
    re.MULTILINE,
)
_STRUCT = re.compile(r"^(?:struct|union) \w+ \{\n.*?^\}", re.MULTILINE | re.DOTALL)
_MEMBER = re.compile(
    r"^\t+(?:(?:const|struct|union|enum|unsigned) )*\w+\s+(?:__rcu )?\**(\w+)(?:\[[^\]]*\])*(?:\s*:\s*\d+)?"
    r"(?:, \**(\w+))*;",
    re.MULTILINE,
)
_PASTED = re.compile(r"^BUILD_MMU_ROLE_\w+\(\w+,\s*(\w+),\s*(\w+)", re.MULTILINE)
_OWN_STRUCTS = (*_MMU, "arch/x86/include/asm/kvm_host.h", f"{_KVM}/vmx/nested.[ch]", f"{_KVM}/svm/nested.[ch]")
_OTHERS = (
    "include/linux/**/*.h",
    "include/hyperv/*.h",
    "arch/x86/include/**/*.h",
    "include/uapi/**/*.h",
    "include/asm-generic/*.h",
)
_TEMPLATES = ("", "paging64_", "paging32_", "ept_")
_TRUTH_VALUED = re.compile(
    r"^(?P<before>(?:(?:static|inline|__always_inline|noinline|extern) )*)bool (?P<head>(?:__weak )?(?:FNAME\(\w+\)|\w+)\([^;{}]*?\))"
    r"(?P<body>;|\s*\{(?:[^\n]*\}|.*?^\}))",
    re.MULTILINE | re.DOTALL,
)
"""A function whose result is a truth value, declared, or defined on one line or several."""
_RETURNS = re.compile(r"(?:(?<=\t)|(?<=\{ ))return\s+([^;]+);")
"""A statement, and not a word of a comment."""
_GIVEN_AWAY = ("recovery_worker", "kvm_mmu_notifier_")
"""What begins the names of functions that the rest of the kernel is given, whose type is its own."""
_SPELLED = frozenset({"sp", "sptep"})
"""Variables that macros of KVM's use by name."""
_SHORT = 4
"""Names of no more letters are those of many things."""

Changes = dict[str, bytes | None]


def _texts(root: Path, patterns: Collection[str]) -> Iterator[tuple[str, str]]:
    for path in sorted({path for each in patterns for path in root.glob(each)}):
        yield path.relative_to(root).as_posix(), path.read_text("utf-8")


def _renamed(text: str, names: Collection[str], ending: str, *, members: bool) -> str:
    """A text in which some names have an ending; names of members are left as they are, if so wanted."""
    if not names:
        return text
    listed = "|".join(sorted(map(re.escape, names), key=len, reverse=True))
    before = r"\b" if members else r"(?<![\w.])(?<!->)(?<!struct )(?<!union )"
    pattern = re.compile(rf"{before}({listed})\b(?!\.[ch]\b)")
    lines = text.split("\n")
    return "\n".join(line if line.startswith("#include") else pattern.sub(rf"\1{ending}", line) for line in lines)


def functions_renamed(root: Path) -> Changes:
    """Every function that the MMU's own files define has another name."""
    own = {found["name"] for _, text in _texts(root, _MMU) for found in _DEFINITION.finditer(text)}
    everywhere = dict(_texts(root, _EVERYWHERE))
    # What a template makes of a name is not seen in the text.
    made = {name for text in everywhere.values() for name in re.findall(r"\b(?:trace_|KVM_X86_OP\w*\()(\w+)", text)}
    names = {name for name in own - made if len(name) > _SHORT and not name.startswith(("kvm_arch_", "kvm_x86_"))}
    names = {template + name for name in names for template in _TEMPLATES}
    return _changes(everywhere, lambda text: _renamed(text, names, "_fn", members=True))


def parameters_renamed(root: Path) -> Changes:
    """Every parameter of the MMU's functions has another name."""
    return _inside(root, lambda found: re.findall(r"(\w+)\s*(?:,|\)\(|$)", found["parameters"]), "_p")


def variables_renamed(root: Path) -> Changes:
    """Every variable in the MMU's functions has another name."""
    return _inside(root, lambda found: {*_VARIABLE.findall(found[0])} - _SPELLED, "_v")


def members_renamed(root: Path) -> Changes:
    """Every member of the MMU's structs has another name that no header beside KVM's knows."""
    everywhere, own = dict(_texts(root, _EVERYWHERE)), dict(_texts(root, _OWN_STRUCTS))
    declared = (_MEMBER.findall(struct[0]) for text in own.values() for struct in _STRUCT.finditer(text))
    names = {name for found in declared for each in found for name in each if len(name) > _SHORT}
    beside = {word for path, text in _texts(root, _OTHERS) if path not in everywhere for word in _words(text)}
    # What a macro makes of names is not seen in the text.
    made = {f"{one}_{other}" for text in everywhere.values() for one, other in _PASTED.findall(text)}
    return _changes(everywhere, lambda text: _renamed(text, names - beside - made, "_m", members=True))


def truth_values_widened(root: Path) -> Changes:
    """Every function of KVM's that says yes or no says 1 or 0, as an int."""

    def one(found: re.Match[str]) -> str:
        if any(each in found["head"] for each in _GIVEN_AWAY):
            return found[0]
        body = _RETURNS.sub(r"return !!(\1);", found["body"])
        return f"{found['before']}int {found['head']}{body}"

    def all_in(text: str) -> str:
        return re.sub(r"\bbool \(\*", "int (*", _TRUTH_VALUED.sub(one, text))

    return _changes(dict(_texts(root, _OF_KVM)), all_in)


def _words(text: str) -> Collection[str]:
    return set(re.findall(r"\w+", text))


def _inside(root: Path, names: Callable[[re.Match[str]], Collection[str]], ending: str) -> Changes:
    def one(found: re.Match[str]) -> str:
        return _renamed(found[0], {*names(found)} - {"void", "static", found["name"]}, ending, members=False)

    return _changes(dict(_texts(root, _MMU)), lambda text: _DEFINITION.sub(one, text))


def _changes(texts: Mapping[str, str], change: Callable[[str], str]) -> Changes:
    changed = ((name, text, change(text)) for name, text in texts.items())
    return {name: after.encode() for name, before, after in changed if after != before}
