"""What a tree has in another form than an earlier one, as texts of its files that say the same in the earlier form.

Each form stands on the tree's own text: what was a function and is a macro is a function whose body is the macro; what
was a function and is a part of its caller is a function whose body are these lines; what was a struct inside another
and is pointed to stands inside again. Nothing is taken from the earlier tree but what parameters and results are.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mmuproof.lift.errors import SourceError
from mmuproof.lift.parsing.former_names import FormerNames


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """One stretch of a file that reads otherwise.

    Args:
        file: relative to the tree.
        start: where it begins, in characters.
        end: where it ends.
        text: what stands there instead.
    """

    file: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, kw_only=True)
class OtherForm:
    """Something in its earlier form.

    Args:
        name: what it was called.
        changes: how files read with it.
        names: how that is read.
        mark: a word that stands in what is said of its text, should it not parse.
        otherwise: what may be tried if it does not parse.
    """

    name: str
    changes: tuple[Stretch, ...]
    names: FormerNames
    mark: str
    otherwise: OtherForm | None = field(default=None)

    @property
    def files(self) -> frozenset[str]:
        """The files that read otherwise."""
        return frozenset(each.file for each in self.changes)


@dataclass(frozen=True)
class PutBack:
    """Some forms, together.

    Args:
        forms: each with its own changes, of which no two overlap.
    """

    forms: tuple[OtherForm, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.forms)

    @property
    def names(self) -> FormerNames:
        """How the texts are read."""
        names = FormerNames()
        for each in self.forms:
            names = names | each.names
        return names

    def texts(self, root: Path) -> Mapping[str, str]:
        """The files that read otherwise, by path.

        Raises:
            SourceError: one cannot be read.
        """
        changes: dict[str, list[Stretch]] = {}
        for each in (change for form in self.forms for change in form.changes):
            changes.setdefault(each.file, []).append(each)
        return {file: _changed(file_text(root, file), some) for file, some in changes.items()}

    def without(self, diagnostics: Sequence[str]) -> PutBack:
        """What is left if these do not parse: those that errors name are left out, or all in whose files errors are.

        Args:
            diagnostics: the errors, each with file and line.
        """
        said = "\n".join(diagnostics)
        blamed = {each.name for each in self.forms if each.mark in said}
        blamed = blamed or {each.name for each in self.forms if any(file in said for file in each.files)}
        blamed = blamed or {each.name for each in self.forms}
        return PutBack(apart([form for each in self.forms for form in _tried(each, blamed)]))


def _tried(form: OtherForm, blamed: Collection[str]) -> tuple[OtherForm, ...]:
    if form.name not in blamed:
        return (form,)
    return () if form.otherwise is None else (form.otherwise,)


def apart(forms: Sequence[OtherForm]) -> tuple[OtherForm, ...]:
    """The forms but those that change what one before them has changed already."""
    found: list[OtherForm] = []
    taken: list[Stretch] = []
    for form in forms:
        if not any(_overlap(one, other) for one in form.changes for other in taken):
            found.append(form)
            taken += form.changes
    return tuple(found)


def _overlap(one: Stretch, other: Stretch) -> bool:
    return one.file == other.file and one.start < other.end and other.start < one.end


def _changed(text: str, changes: Sequence[Stretch]) -> str:
    # What is put in at one place keeps its order.
    for each in sorted(changes, key=lambda each: (each.start, each.end), reverse=True):
        text = text[: each.start] + each.text + text[each.end :]
    return text


def file_text(root: Path, file: str) -> str:
    """The text of a file of a tree, by which places in it are counted.

    Raises:
        SourceError: it cannot be read.
    """
    try:
        return (root / file).read_bytes().decode("utf-8", errors="replace")
    except OSError as error:
        raise SourceError(f"{file} cannot be read: {error.strerror}") from error
