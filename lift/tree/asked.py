"""Which configuration symbols KVM's C tests, told from its text alone: too many rather than too few."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mmuproof.lift.tree.configuration import Configuration
from mmuproof.lift.tree.included import Included
from mmuproof.lift.tree.makefile import symbols_of_makefile

# Comments and strings ask nothing: what they hold is passed over.
_SYMBOL = re.compile(r"'(?:[^'\\\n]|\\.)'" r'|/\*.*?\*/|//[^\n]*|"(?:[^"\\\n]|\\.)*"|\bCONFIG_(\w+)', re.DOTALL)
_MODULE = "_MODULE"


@dataclass(frozen=True, kw_only=True)
class AskedSymbol:
    """A configuration symbol that KVM's C tests.

    Args:
        symbol: its name, without ``CONFIG_``.
        value: ``n`` if it is not set.
        known: whether the configuration or KVM's Kconfig decides it; otherwise it is only taken as not set.
        at: each ``file:line``.
    """

    symbol: str
    value: str
    known: bool
    at: tuple[str, ...]

    @property
    def where(self) -> str:
        """The first place, and how many more there are."""
        return self.at[0] + (f" +{len(self.at) - 1}" if len(self.at) > 1 else "")


def left_out(root: Path, config: Configuration, asked: Iterable[AskedSymbol]) -> Mapping[str, str]:
    """The symbols of KVM's Kconfig that are not set and that choose code, each with where that is said.

    One that only Kconfig has, or only the code, chooses nothing: it was renamed in one of them.
    """
    chosen_by = {each.symbol for each in asked} | symbols_of_makefile(root)
    return {symbol: _unset(symbol, config) for symbol in sorted((config.known & chosen_by) - config.values.keys())}


def _unset(symbol: str, config: Configuration) -> str:
    given = config.given
    where = f" ({given.at(symbol)})" if given is not None and symbol in given.lines else ""
    return f"CONFIG_{symbol} is not set{where}"


def asked_symbols(root: Path, units: Iterable[str], config: Configuration) -> tuple[AskedSymbol, ...]:
    """The symbols that some units of a tree test, or files of KVM's that they may include; in alphabetical order."""
    included = Included(root)
    files = sorted({file for unit in units for file in included.of_kvm(unit, interface=True)})
    places: dict[str, dict[str, None]] = {}
    for file in files:
        try:
            text = (root / file).read_text("utf-8", errors="replace")
        except OSError:
            # A place where a header was looked for.
            continue
        number, counted = 1, 0
        for found in _SYMBOL.finditer(text) if "CONFIG_" in text else ():
            if found[1] is None:
                continue
            number, counted = number + text.count("\n", counted, found.start()), found.start()
            plain = found[1].removesuffix(_MODULE)
            at = places.setdefault(plain if config.decides(plain) else found[1], {})
            at[f"{file}:{number}"] = None
    return tuple(
        AskedSymbol(
            symbol=symbol, value=config.values.get(symbol, "n"), known=config.decides(symbol), at=tuple(places[symbol])
        )
        for symbol in sorted(places)
    )
