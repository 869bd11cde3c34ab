"""What KVM's Makefile builds, as far as the configuration decides it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from mmuproof.lift.tree.configuration import Configuration

_FOLDER = "arch/x86/kvm"
_LIST = re.compile(r"^([\w-]+)-(?:\$\(CONFIG_(\w+)\)|y)[ \t]*[+:]?=[ \t]*(.*)$", re.MULTILINE)
_SYMBOL = re.compile(r"\bCONFIG_(\w+)")


def symbols_of_makefile(root: Path) -> frozenset[str]:
    """The symbols that KVM's Makefile names, without ``CONFIG_``."""
    return frozenset(_SYMBOL.findall(_text(root)))


def left_out_units(root: Path, config: Configuration) -> Mapping[str, str]:
    """The units that are not built because a symbol is not set, each with that symbol; modules are not looked at."""
    needs: dict[str, set[str]] = {}
    for _, symbol, objects in _lists(root):
        for path in objects:
            needs.setdefault(path, set()).add(symbol)
    return {
        path: min(symbols)
        for path, symbols in needs.items()
        if "" not in symbols and not symbols & config.values.keys() and (root / path).is_file()
    }


def units_of_left_out_modules(root: Path, config: Configuration) -> frozenset[str]:
    """The units of modules that are not built because a symbol is not set."""
    lists = list(_lists(root))
    built = {
        Path(module).stem
        for whole, symbol, modules in lists
        if whole == "obj" and symbol in config.values
        for module in modules
    }
    units = {path: {module for module, _, objects in lists if path in objects} for _, _, each in lists for path in each}
    return frozenset(path for path, modules in units.items() if modules != {"obj"} and not modules & built)


def _lists(root: Path) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Each list of what a module is made of: the module, the symbol that it needs or nothing, and its units."""
    for module, symbol, objects in _LIST.findall(_text(root)):
        names = (each for each in objects.split("#", 1)[0].split() if each.endswith(".o"))
        yield module, symbol, tuple(str(PurePosixPath(_FOLDER, each).with_suffix(".c")) for each in names)


def _text(root: Path) -> str:
    try:
        return (root / _FOLDER / "Makefile").read_text("utf-8", errors="replace").replace("\\\n", " ")
    except OSError:
        return ""
