"""What can go wrong when a kernel tree is read: every exception that this room raises on purpose."""

from __future__ import annotations

from collections.abc import Iterable


class LiftError(Exception):
    """A tree could not be turned into terms; the message is one line, written for the user."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))

    @property
    def message(self) -> str:
        """The one-line message."""
        return str(self.args[0])


class UnlistedConstant(LookupError):  # noqa: N818 - reads as what is so
    """A macro or enumerator is asked for that nobody looks up: a mistake of ours, which says nothing about the tree.

    Args:
        name: what is asked for.
        listed_in: the file in which it has to be listed.
    """

    def __init__(self, name: str, listed_in: str) -> None:
        super().__init__(name, listed_in)
        self.name, self.listed_in = name, listed_in

    def __str__(self) -> str:
        return f"{self.name} is asked for, but {self.listed_in} does not list it: add it there"


class SourceError(LiftError):
    """The kernel source that the user named is missing, damaged or not what it should be."""


class LimitReached(SourceError):  # noqa: N818 - reads as what happened
    """Clang took more than it may for a text; the message says which limit that was, and which option sets it."""

    def __init__(self, path: str, limit: str, option: str) -> None:
        self._of = path, limit, option
        super().__init__(f"{path} is given up: clang has taken more than {limit} for it; {option} sets the limit")

    def __reduce__(self) -> tuple[type[LimitReached], tuple[str, str, str]]:
        return type(self), self._of


class ParseFailed(SourceError):  # noqa: N818 - reads as what happened
    """The tree was found, but its C does not parse.

    Clang drops whole statements after an error, so a translation unit with a single error is worth nothing.
    `diagnostics` holds each error as ``file:line: message``.
    """

    def __init__(self, unit: str, diagnostics: Iterable[str]) -> None:
        self.unit = unit
        self.diagnostics = tuple(diagnostics)
        first = f", the first being {self.diagnostics[0]}" if self.diagnostics else ""
        count = len(self.diagnostics)
        super().__init__(f"{unit} does not parse: {count} error{'' if count == 1 else 's'}{first}")

    def __reduce__(self) -> tuple[type[ParseFailed], tuple[str, tuple[str, ...]]]:
        # Another process may be told of it.
        return type(self), (self.unit, self.diagnostics)


class Refused(LiftError):  # noqa: N818 - reads as what happened
    """The tree uses C that is not understood; it is refused instead of guessed.

    `location` is ``file:line``, or None where the construct has no place of its own.
    """

    def __init__(self, message: str, location: str | None = None) -> None:
        self.location = location
        self.reason = " ".join(message.split())
        super().__init__(f"{location}: {message}" if location else message)


class NotFollowed(Refused):
    """What a function does cannot be followed, inline assembly or a loop, though what it writes may be known."""


class Undefined(Refused):
    """The C is undefined on every execution, whatever the inputs are."""


class Missing(LiftError):  # noqa: N818 - reads as what happened
    """The tree defines none of the names that were asked for; `names` says which."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(names)
        super().__init__(f"the tree does not define {', '.join(self.names) or 'what was asked for'}")

    def __reduce__(self) -> tuple[type[Missing], tuple[tuple[str, ...]]]:
        return type(self), (self.names,)


class Gone(LiftError):  # noqa: N818 - reads as what happened
    """The tree lacks a name that it was expected to have, because an earlier one has it; `names` holds it."""

    def __init__(self, name: str) -> None:
        self.names = (name,)
        super().__init__(f"the tree does not define {name} any more")

    def __reduce__(self) -> tuple[type[Gone], tuple[str]]:
        return type(self), self.names
