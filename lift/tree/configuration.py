"""The configuration under which a tree is read.

Without one of the user's, the symbols of `kernel.config` stand in for a ``.config``, and what those ``select`` is taken
from the tree's own Kconfig files: without it the headers of no version parse.  That is *a* configuration that the
headers accept, not one that a menu could have produced.  A user's ``.config`` is taken as it is written.

What neither says of the symbols of KVM's own Kconfig files follows from these as in a build: defaults, what is
selected, and what they depend on.  Of all other symbols nothing is known but what was said, and they are not set.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

from mmuproof.lift.errors import SourceError
from mmuproof.lift.tree.conditions import OFF, evaluate, tristate
from mmuproof.lift.tree.dot_config import DotConfig
from mmuproof.lift.tree.kconfig import KconfigEntry, read_entries

_KVM_FILES = ("arch/x86/kvm/Kconfig", "virt/kvm/Kconfig")
_FILES = ("arch/x86/Kconfig", *_KVM_FILES)
# Present from 6.15 on: which CPU features the build requires or rules out. Before that, headers say it.
_FEATURE_FILE = "arch/x86/Kconfig.cpufeatures"
_FEATURE = re.compile(r"X86_(?:REQUIRED|DISABLED)_FEATURE_\w+")
_SYMBOL = re.compile(r"[A-Z0-9_]+")
# What Kconfig asks the compiler, the assembler and the linker, every time anew: here these are ours.
_OF_TOOLS = re.compile(r"CC_(IS|HAS|CAN|VERSION|OPT|NO|MS)_\w+|(GCC\d*|CLANG|AS|LD|LLD|RUSTC?|PAHOLE)_\w+")
_VALUES = "nmy"
_FEW = 4
# What watches over locks and lists while the kernel runs, when a task gives way, and what the compiler watches over.
_LOCKS = (
    *("LOCKDEP", "PROVE_LOCKING", "PROVE_RAW_LOCK_NESTING", "PROVE_RCU", "PROVE_RCU_LIST", "LOCK_STAT"),
    *("DEBUG_LOCK_ALLOC", "DEBUG_SPINLOCK", "DEBUG_MUTEXES", "DEBUG_RWSEMS", "DEBUG_RT_MUTEXES", "DEBUG_ATOMIC_SLEEP"),
    *("DEBUG_WW_MUTEX_SLOWPATH", "TRACE_IRQFLAGS"),
)
_PREEMPTION = (
    *("PREEMPT", "PREEMPT_BUILD", "PREEMPT_DYNAMIC", "PREEMPT_LAZY", "PREEMPT_RT", "PREEMPT_RCU", "PREEMPTION"),
    "DEBUG_PREEMPT",
)
_SANITIZERS = ("KASAN", "KASAN_GENERIC", "KASAN_INLINE", "KCSAN", "KMSAN", "KCOV", "UBSAN")
# What is read as if it were of this value, and is told: what is said here is all that KVM's C has of it.
_READ_AS = {
    **dict.fromkeys(_LOCKS, ("n", "which locks are held is outside of what is proved")),
    **dict.fromkeys(_PREEMPTION, ("n", "when a task gives way to others changes nothing that it does itself")),
    **dict.fromkeys(("LIST_HARDENED", "DEBUG_LIST"), ("n", "the kernel's lists are taken to be whole")),
    **dict.fromkeys(_SANITIZERS, ("n", "what the compiler adds to watch the code changes nothing else")),
    "PARAVIRT_XXL": ("n", "the processor's registers are taken to be read and written directly, not through Xen"),
    "DYNAMIC_PHYSICAL_MASK": ("n", "a physical address has 52 bits: the host is taken not to encrypt its own memory"),
    "DEBUG_VM": ("n", "what the memory management asserts of the host's pages is not proved"),
    "DYNAMIC_DEBUG": ("n", "whether a debug message is printed changes nothing else"),
    "HYPERV": ("n", "KVM is taken to run on the processor itself, not under Hyper-V"),
    "NR_CPUS": ("64", "the number of processors is that of words in their masks"),
    "KVM_AMD_SEV": ("n", "guests whose memory is encrypted are not modelled"),
}


@dataclass(frozen=True, kw_only=True)
class TakenSymbol:
    """A symbol of KVM's Kconfig that nothing says a value of, with the one that it has.

    Args:
        symbol: its name, without ``CONFIG_``.
        value: ``n`` if it is not set.
        why: where the value comes from.
    """

    symbol: str
    value: str
    why: str

    def __str__(self) -> str:
        return f"CONFIG_{self.symbol}={self.value}  {self.why}"


_OF_OTHER_ARCHITECTURES = frozenset({"KVM_MPIC"})
"""What ``virt/kvm`` tests and only Kconfig files of other architectures have."""


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """A configuration, as far as it is known.

    Args:
        values: what is set, by name without ``CONFIG_``, in alphabetical order.
        given: the user's file; None where `kernel.config` stands in for it.
        taken: the symbols of KVM's Kconfig of which neither says anything.
        remarks: where a build would not take what the user's file says.
        known: the symbols of KVM's Kconfig.
        unset: the symbols of which `kernel.config` says that they are not set, where it stands in.
    """

    values: Mapping[str, str]
    given: DotConfig | None = None
    taken: tuple[TakenSymbol, ...] = ()
    remarks: tuple[str, ...] = ()
    known: frozenset[str] = frozenset()
    unset: frozenset[str] = frozenset()

    @property
    def lines(self) -> tuple[str, ...]:
        """What is set, as ``NAME=value``."""
        return tuple(f"{name}={value}" for name, value in self.values.items())

    def decides(self, symbol: str) -> bool:
        """Whether it is known if a symbol is set: a file names it, KVM's Kconfig has it, it is set, or not for x86."""
        named = symbol in self.unset or (self.given is not None and symbol in self.given.values)
        return named or symbol in self.values or symbol in self.known or symbol in _OF_OTHER_ARCHITECTURES


def base_config() -> dict[str, str]:
    """The symbols that stand in for a ``.config``, from the data file `kernel.config`."""
    text = resources.files("mmuproof.lift.tree").joinpath("kernel.config").read_text("utf-8")
    return parse_config(text)


def parse_config(text: str) -> dict[str, str]:
    """Read ``NAME=value`` lines; blank lines and ``#`` comments are skipped.

    Raises:
        ValueError: there is any other line.
    """
    config: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        name, equals, value = stripped.partition("=")
        if not equals or not value or not _SYMBOL.fullmatch(name):
            raise ValueError(f"line {number} is not NAME=value: {stripped!r}")
        config[name] = value
    return config


def configuration(root: Path, given: DotConfig | None = None) -> Configuration:
    """The configuration under which a tree is read.

    Args:
        root: the tree.
        given: the user's; `kernel.config` if there is none.

    Raises:
        SourceError: the tree lacks its Kconfig files, a ``select`` in them cannot be read, or KVM's code is not built
            under the user's configuration.
    """
    base = base_config()
    if given is None:
        unset = frozenset(name for name, value in base.items() if value == "n")
        return replace(_Closing(root, base).closed(), unset=unset)
    ours = {name: value for name, value in base.items() if _OF_TOOLS.fullmatch(name)}
    theirs = {name: value for name, value in given.values.items() if not _OF_TOOLS.fullmatch(name)}
    closing = _Closing(root, {**theirs, **ours}, given)
    for name, (value, why) in _READ_AS.items():
        closing.read_as(name, value, why)
    return closing.closed()


class _Closing:
    """What a tree's Kconfig files make of the symbols that are said."""

    def __init__(self, root: Path, said: Mapping[str, str], given: DotConfig | None = None) -> None:
        self._said, self._given = dict(said), given
        self._entries: dict[str, list[KconfigEntry]] = {}
        self._of_kvm: dict[str, list[KconfigEntry]] = {}
        for name in _FILES:
            for entry in read_entries(root, name):
                self._entries.setdefault(entry.symbol, []).append(entry)
                if name in _KVM_FILES:
                    self._of_kvm[entry.symbol] = self._entries[entry.symbol]
        # Of the others those can go with one of KVM's that need it.
        self._limits = dict(self._of_kvm) | {
            symbol: entries
            for symbol, entries in self._entries.items()
            if any(self._of_kvm.keys() & set(_SYMBOL.findall(each)) for entry in entries for each in entry.depends)
        }
        has_features = (root / _FEATURE_FILE).is_file()
        self._features = read_entries(root, _FEATURE_FILE) if has_features else []
        self._config: dict[str, str] = {}
        self._pinned: set[str] = set()
        self._read_as: dict[tuple[str, str, bool], list[tuple[str, int | None]]] = {}
        self._remarks: list[str] = list(given.remarks) if given is not None else []

    def read_as(self, symbol: str, value: str, why: str) -> None:
        """Take a symbol that the user's file sets or lets be set as one of another value.

        What only that symbol selects is not set.
        """
        assert self._given is not None
        if symbol not in self._said:
            self._close()
        found = self._said.get(symbol, self._config.get(symbol, "n"))
        if found in ("n", value):
            return
        line = self._given.lines.get(symbol)
        self._read_as.setdefault((value, why, line is None), []).append((f"CONFIG_{symbol}={found}", line))
        self._said[symbol] = value
        self._pinned.add(symbol)
        self._config = {name: each for name, each in self._said.items() if each != "n"}
        for name in {name for name, _ in self._selects(symbol) if not self._reverse(name)} - self._of_kvm.keys():
            self.read_as(name, "n", f"nothing selects it without CONFIG_{symbol}")

    def _selects(self, symbol: str) -> Iterable[tuple[str, str]]:
        """What is selected by a symbol, or under a condition that names it."""
        return (
            select
            for entries in self._entries.values()
            for entry in entries
            for select in entry.selects
            if entry.symbol == symbol or symbol in _SYMBOL.findall(select[1])
        )

    def closed(self) -> Configuration:
        """The configuration."""
        self._close()
        while self._given is not None and self._limited():
            self._close()
        if self._given is not None:
            if "KVM" not in self._config or not self._config.keys() & {"KVM_INTEL", "KVM_AMD"}:
                raise SourceError(
                    f"under {self._given.file} no KVM is built: {'; '.join((*self._read_otherwise(), *self._remarks))}"
                )
            if added := self._added():
                few = ", ".join(added[:_FEW]) + (f" and {len(added) - _FEW} more" if len(added) > _FEW else "")
                self._remark(f"{self._given.file} does not name what arch/x86/Kconfig turns on: {few}")
        for entry in self._features:
            if _FEATURE.fullmatch(entry.symbol) and all(evaluate(each, self._config) for each in entry.depends):
                self._config.setdefault(entry.symbol, "y")
        return Configuration(
            values={name: self._written(name, value) for name, value in sorted(self._config.items())},
            given=self._given,
            taken=tuple(self._taken()),
            remarks=(*self._read_otherwise(), *self._remarks),
            known=frozenset(self._of_kvm),
        )

    def _read_otherwise(self) -> Iterable[str]:
        """What is taken for something else, all that is so for one reason in one sentence."""
        file = "" if self._given is None else self._given.file
        for (value, why, unnamed), each in self._read_as.items():
            lines = ", ".join(str(line) for _, line in each)
            at = f"{file}, which does not name it," if unnamed else f"{file}:{lines}"
            verb = "are" if len(each) > 1 else "is"
            yield f"{', '.join(said for said, _ in each)} at {at} {verb} read as {value}: {why}"

    def _close(self) -> None:
        """Everything that follows from what is said."""
        self._config = {name: value for name, value in self._said.items() if value != "n"}
        while True:
            # What is selected only if something is off comes second: it must see everything that is on.
            for with_negations in (False, True):
                while selected := self._selected(with_negations):
                    self._config |= selected
            defaults = {name: self._default(name)[0] for name in self._of_kvm if self._is_open(name)}
            more = {name: value for name, value in defaults.items() if value != "n"}
            if not more:
                return
            self._config |= more

    def _is_open(self, symbol: str) -> bool:
        return symbol not in self._config and symbol not in self._said

    def _selected(self, with_negations: bool) -> dict[str, str]:
        """The symbols that enabled ones select and that are not yet enabled."""
        return {
            symbol: "y" if value == "y" or self._kind(symbol) != "tristate" else "m"
            for enabled, value in self._config.items()
            for entry in self._entries.get(enabled, [])
            for symbol, condition in entry.selects
            if symbol not in self._config
            and symbol not in self._pinned
            and (with_negations or "!" not in condition)
            and (not condition or evaluate(condition, self._config))
        }

    def _kind(self, symbol: str) -> str:
        return next((each.kind for each in self._entries.get(symbol, []) if each.kind), "")

    def _default(self, symbol: str) -> tuple[str, str]:
        """The value that a symbol of KVM's has if nothing is said of it, and why."""
        entries = self._of_kvm[symbol]
        if any(each.unread for each in entries):
            line = next(line for each in entries for line in each.unread)
            return "n", f"cannot be evaluated, taken as not set: {line!r} at {entries[0].at}"
        try:
            for each in entries:
                for value, condition in each.defaults:
                    if not condition or evaluate(condition, self._config):
                        return self._allowed(each, value, condition)
        except SourceError as error:
            return "n", f"cannot be evaluated, taken as not set: {error.message}"
        return "n", "no default, and nothing that is on selects it"

    def _allowed(self, entry: KconfigEntry, value: str, condition: str) -> tuple[str, str]:
        """A default, as far as what the symbol depends on allows it."""
        says = f"default {value}" + (f" if {condition}" if condition else "")
        for each in entry.depends:
            if not evaluate(each, self._config):
                return "n", f"{says}, but it depends on {each}, which is off"
        if self._kind(entry.symbol) not in ("bool", "tristate"):
            return value, says
        limits = [each for each in (condition, *entry.depends) if each]
        allowed = min([tristate(value, self._config), *(tristate(each, self._config) for each in limits)])
        return self._value(entry.symbol, allowed), says

    def _value(self, symbol: str, allowed: int) -> str:
        """What a condition's value is for a symbol: of one that is only on or off, ``m`` is on."""
        return "y" if allowed and self._kind(symbol) == "bool" else _VALUES[allowed]

    def _limited(self) -> bool:
        """Take back one thing that the user's file says and that a build would not; whether there is one."""
        assert self._given is not None
        for symbol in self._limits:
            said = self._said.get(symbol, "n")
            if said not in ("y", "m"):
                continue
            try:
                allowed = max(self._dependence(symbol), self._reverse(symbol))
            except SourceError as error:
                self._remark(f"CONFIG_{symbol}={said} is taken as {self._given.at(symbol)} says it: {error.message}")
                continue
            value = self._value(symbol, min(allowed, _VALUES.index(said)))
            if value != said:
                unmet = ", ".join(self._unmet(symbol))
                why = f"it depends on {unmet}" if unmet else "it is no module"
                self._remark(f"CONFIG_{symbol}={said} at {self._given.at(symbol)} becomes {value}: {why}")
                self._said[symbol] = value
                return True
        return False

    def _remark(self, text: str) -> None:
        if text not in self._remarks:
            self._remarks.append(text)

    def _dependence(self, symbol: str) -> int:
        """What the conditions that a symbol depends on allow, at the best of the places where it is defined."""
        return max(
            min((tristate(each, self._config) for each in one.depends), default=2) for one in self._limits[symbol]
        )

    def _unmet(self, symbol: str) -> Iterable[str]:
        return (each for one in self._limits[symbol] for each in one.depends if tristate(each, self._config) < 2)

    def _reverse(self, symbol: str) -> int:
        """What symbols that are on select of it at the least."""
        return max(
            (
                min(_VALUES.find(value), tristate(condition, self._config) if condition else 2)
                for enabled, value in self._config.items()
                if value in ("y", "m")
                for entry in self._entries.get(enabled, [])
                for name, condition in entry.selects
                if name == symbol
            ),
            default=OFF,
        )

    def _taken(self) -> Iterable[TakenSymbol]:
        """The symbols of KVM's of which nothing is said."""
        for symbol in sorted(self._of_kvm):
            if symbol not in self._said:
                value, why = self._default(symbol)
                now = self._config.get(symbol, "n")
                selected_by = ", ".join(self._selecting(symbol))
                yield TakenSymbol(symbol=symbol, value=now, why=why if now == value else f"selected by {selected_by}")

    def _selecting(self, symbol: str) -> Iterable[str]:
        return (
            name
            for name, entries in self._entries.items()
            if name in self._config and any(each == symbol for entry in entries for each, _ in entry.selects)
        )

    def _added(self) -> list[str]:
        """What is on besides KVM's symbols, and not said."""
        return sorted(f"CONFIG_{each}" for each in self._config.keys() - self._said.keys() - self._of_kvm.keys())

    def _written(self, symbol: str, value: str) -> str:
        """A value as C has it: a hexadecimal number may be written without its prefix."""
        return f"0x{value}" if self._kind(symbol) == "hex" and not value.lower().startswith("0x") else value
