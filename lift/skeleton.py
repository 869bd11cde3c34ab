"""A file of C as what it says outside of the bodies of its functions, and these bodies one by one.

What it says is its text without comments and empty lines; how that is laid out is told by a digest of its own.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class BodyText:
    """The body of a function.

    Args:
        named: the line of the function's name.
        first: the line of its opening brace.
        last: the line of its closing brace.
        digest: SHA-256 of what it says.
        layout: SHA-256 of its text.
    """

    named: int
    first: int
    last: int
    digest: str
    layout: str


@dataclass(frozen=True)
class Skeleton:
    """A file of a tree.

    Args:
        outside: SHA-256 of what it says without the bodies.
        layout: SHA-256 of its text without the bodies.
        bodies: the bodies, in the order of the text.
    """

    outside: str
    layout: str
    bodies: tuple[BodyText, ...]
