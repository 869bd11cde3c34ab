"""Theorems and defects of a user's own: in Python files for one run, or in packages that are installed."""

from __future__ import annotations

import importlib.metadata
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from mmuproof.cli.shared.catalogue import ALL_DEFECTS, OWN_THEOREMS, AskedKernel, Catalogue, NamedDefect, Subject
from mmuproof.cli.shared.errors import UsageProblem
from mmuproof.cli.shared.naming import near
from mmuproof.cli.shared.watching import Watcher
from mmuproof.model.defects.defect import Defect
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.known_findings import KnownFinding
from mmuproof.proofs.theorem import Catch, Theorem

_THEOREM = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*\.[a-z0-9]+(?:-[a-z0-9]+)*")
_DEFECT = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_TEXTS = ("name", "claim", "source")


@dataclass(frozen=True)
class Added:
    """What a module adds to the catalogue; ``origin`` is what messages call it."""

    origin: str
    theorems: tuple[Theorem, ...]
    defects: tuple[Defect, ...]


class Enlarged:
    """A catalogue with what some files add.

    Args:
        base: the catalogue.
        files: Python files with ``THEOREMS``, and ``DEFECTS`` if they have some.

    Raises:
        UsageProblem: a file cannot be loaded, or something in it is wrong.
    """

    def __init__(self, base: Catalogue, files: Sequence[Path]) -> None:
        self._base = base
        self._added = tuple(read_file(each) for each in files)
        check(self._added, base.theorems(), base.defects())

    @property
    def is_own(self) -> bool:
        """See `Catalogue.is_own`."""
        return False

    def theorems(self) -> tuple[Theorem, ...]:
        """See `Catalogue.theorems`."""
        return (*self._base.theorems(), *(each for added in self._added for each in added.theorems))

    def defects(self) -> Mapping[str, NamedDefect]:
        """See `Catalogue.defects`."""
        return {**self._base.defects(), **{each.name: each for added in self._added for each in added.defects}}

    def known_findings(self) -> tuple[KnownFinding, ...]:
        """See `Catalogue.known_findings`."""
        return self._base.known_findings()

    def reference(self) -> Subject:
        """See `Catalogue.reference`."""
        return self._base.reference()

    def kernel(self, asked: AskedKernel, watcher: Watcher) -> AbstractContextManager[Subject]:
        """See `Catalogue.kernel`."""
        return self._base.kernel(asked, watcher)


def read_file(path: Path) -> Added:
    """What a Python file adds.  It is run; nothing is written, not even beside it.

    Raises:
        UsageProblem: it cannot be read, or run, or has no theorems.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise UsageProblem(f"{path} cannot be read: {reason}") from None
    module = ModuleType(str(path.resolve()))
    # Where a dataclass looks up the types of its fields.
    sys.modules[module.__name__] = module

    def run() -> ModuleType:
        exec(compile(text, str(path), "exec"), module.__dict__)
        return module

    return _added(run, str(path))


def read_packages() -> tuple[Added, ...]:
    """What installed packages add.

    Raises:
        UsageProblem: one of them cannot be loaded, or has no theorems.
    """
    return tuple(
        _added(each.load, f"the package {each.dist.name if each.dist else each.name}")
        for each in importlib.metadata.entry_points(group=OWN_THEOREMS)
    )


def _added(load: Callable[[], object], origin: str) -> Added:
    try:
        module = load()
    except (Exception, SystemExit) as error:
        raise UsageProblem(f"{_place(error, origin)}: {type(error).__name__}: {error}") from error
    theorems, defects = getattr(module, "THEOREMS", None), getattr(module, "DEFECTS", ())
    if (
        not isinstance(theorems, tuple | list)
        or not theorems
        or not all(isinstance(each, Theorem) for each in theorems)
    ):
        raise UsageProblem(f"{origin} has to have THEOREMS, a tuple of Theorem")
    if not isinstance(defects, tuple | list) or not all(isinstance(each, Defect) for each in defects):
        raise UsageProblem(f"{origin}: DEFECTS is a tuple of Defect")
    return Added(origin, tuple(theorems), tuple(defects))


def _is_tuple_of(kind: type, value: object) -> bool:
    return isinstance(value, tuple) and all(isinstance(each, kind) for each in value)


def _place(error: BaseException, origin: str) -> str:
    """Where an exception comes from: the last line of the file, or of any file."""
    frames = [(each.filename, each.lineno) for each in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError):
        frames.append((error.filename or "", error.lineno))
    frames = [each for each in frames if not each[0].startswith("<") and each[0] != __file__]
    own = [each for each in frames if each[0] == origin] or frames
    return f"{own[-1][0]}:{own[-1][1]}" if own else origin


def check(added: Iterable[Added], theorems: Sequence[Theorem], defects: Mapping[str, NamedDefect]) -> None:
    """Demand of what is added what holds of the catalogue's own.

    Raises:
        UsageProblem: a name is taken or not well-formed, a theorem is for no vendor, or catches what is no defect.
    """
    added = tuple(added)
    names, known = {each.name for each in theorems}, set(defects)
    for one in added:
        for defect in one.defects:
            _check_name(one.origin, "defect", defect.name, _DEFECT, {*known, ALL_DEFECTS})
            known.add(defect.name)
    for one in added:
        for theorem in one.theorems:
            _check_name(one.origin, "theorem", theorem.name, _THEOREM, names)
            names.add(theorem.name)
            _check_theorem(f"{one.origin}: {theorem.name}", theorem, known)


def _check_name(origin: str, kind: str, name: object, form: re.Pattern[str], taken: set[str]) -> None:
    if not isinstance(name, str) or not form.fullmatch(name):
        parts = "group.what-it-says" if kind == "theorem" else "what-is-wrong"
        raise UsageProblem(f"{origin}: the name of a {kind} is like {parts}, not {name!r}")
    if name in taken:
        raise UsageProblem(f"{origin}: there is a {kind} {name} already")


def _check_theorem(where: str, theorem: Theorem, defects: set[str]) -> None:
    for key in _TEXTS:
        if not isinstance(getattr(theorem, key), str) or not getattr(theorem, key).strip():
            raise UsageProblem(f"{where}: {key} is a text")
    for key, kind in (("assumes", str), ("vendors", Vendor), ("catches", Catch)):
        if not _is_tuple_of(kind, getattr(theorem, key)):
            raise UsageProblem(f"{where}: {key} is a tuple of {kind.__name__}")
    if not theorem.vendors or len(set(theorem.vendors)) < len(theorem.vendors):
        raise UsageProblem(
            f"{where}: vendors are some of {', '.join(f'Vendor.{each.name}' for each in Vendor)}, each once"
        )
    if not callable(theorem.state):
        raise UsageProblem(f"{where}: state is a function of a Kvm and a Vendor")
    caught = [each.defect for each in theorem.catches]
    for name in caught:
        if name not in defects:
            raise UsageProblem(f"{where} catches {name!r}, and no defect is called so{near(name, defects)}")
        if caught.count(name) > 1:
            raise UsageProblem(f"{where} catches {name} twice")
