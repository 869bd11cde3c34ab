"""Digests of terms and words, to tell whether two things say the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from mmuproof.smt.graph import postorder
from mmuproof.smt.terms import Term

_LENGTH = 16
"""Characters of a digest that are told."""


@dataclass(frozen=True)
class Digests:
    """Digests of terms, each of which is looked at once."""

    _known: dict[Term, bytes] = field(default_factory=dict)

    def term(self, root: Term) -> bytes:
        """A digest that two terms share exactly if they are alike, node by node and name by name."""
        for term in postorder([root], self._known):
            head = f"{term.op.name} {term.width} {term.data!r}".encode()
            self._known[term] = hashlib.sha256(b"\0".join((head, *(self._known[arg] for arg in term.args)))).digest()
        return self._known[root]

    def of(self, items: Iterable[str | Term]) -> str:
        """A digest of words and terms in their order."""
        parts = hashlib.sha256()
        for item in items:
            parts.update(self.term(item) if isinstance(item, Term) else hashlib.sha256(item.encode()).digest())
        return parts.hexdigest()[:_LENGTH]
