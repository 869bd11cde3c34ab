"""What KVM's Makefile builds, as far as the configuration decides it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from mmuproof.lift.tree.configuration import Configuration

_FOLDER = "arch/x86/kvm"
_LIST = re.compile(r"^[\w-]+-(?:\$\(CONFIG_(\w+)\)|y)[ \t]*[+:]?=[ \t]*(.*)$", re.MULTILINE)
_SYMBOL = re.compile(r"\bCONFIG_(\w+)")


def symbols_of_makefile(root: Path) -> frozenset[str]:
    """The symbols that KVM's Makefile names, without ``CONFIG_``."""
    return frozenset(_SYMBOL.findall(_text(root)))


def left_out_units(root: Path, config: Configuration) -> Mapping[str, str]:
    """The units that are not built because a symbol is not set, each with that symbol; modules are not looked at."""
    needs: dict[str, set[str]] = {}
    for symbol, objects in _LIST.findall(_text(root)):
        for each in objects.split("#", 1)[0].split():
            if each.endswith(".o"):
                needs.setdefault(str(PurePosixPath(_FOLDER, each).with_suffix(".c")), set()).add(symbol)
    return {
        path: min(symbols)
        for path, symbols in needs.items()
        if "" not in symbols and not symbols & config.values.keys() and (root / path).is_file()
    }


def _text(root: Path) -> str:
    try:
        return (root / _FOLDER / "Makefile").read_text("utf-8", errors="replace").replace("\\\n", " ")
    except OSError:
        return ""
