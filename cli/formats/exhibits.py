"""What a page shows of a run besides its cases: pictures, the text of the tree, and how it was read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mmuproof.cli.formats.cases import CaseKey
from mmuproof.cli.shared.drawing import Figure


@dataclass(frozen=True)
class RunFact:
    """Something of a run: what, and with which value."""

    name: str
    value: str


@dataclass(frozen=True)
class Gallery:
    """A section with pictures.

    Args:
        title: of the section.
        says: what is to be seen there.
        figures: the pictures.
        missing: why some are not there, a sentence each.
    """

    title: str
    says: str
    figures: tuple[Figure, ...]
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Exhibits:
    """What a page shows besides.

    Args:
        facts: what is said of the run at the top.
        configuration: how the tree was configured, line by line.
        texts: the text of each file of the tree of which a place is told.
        former_texts: the same of the old tree, where two were compared.
        galleries: sections with pictures.
        paths: the way of an access, by the case's key.
        numbers: what numbers say bit by bit, by the case's key.
    """

    facts: tuple[RunFact, ...] = ()
    configuration: tuple[str, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    former_texts: Mapping[str, str] = field(default_factory=dict)
    galleries: tuple[Gallery, ...] = ()
    paths: Mapping[CaseKey, tuple[Figure, ...]] = field(default_factory=dict)
    numbers: Mapping[CaseKey, tuple[Figure, ...]] = field(default_factory=dict)
