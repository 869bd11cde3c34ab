"""The implementation of KVM that a command works on: a kernel tree or the reference model, with a defect or without."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from mmuproof.cli.shared.catalogue import AskedKernel, Catalogue, NamedDefect, Subject
from mmuproof.cli.shared.errors import UsageProblem
from mmuproof.cli.shared.unusable import usable
from mmuproof.cli.shared.watching import Watcher


@contextmanager
def opened_subject(
    asked: AskedKernel | None, defect: NamedDefect | None, catalogue: Catalogue, watcher: Watcher
) -> Iterator[Subject]:
    """A kernel tree, or the reference model if none is asked for, with the defect in it.

    Raises:
        UsageProblem: it cannot have the defect.
        UnusableTree: the tree cannot be used.
    """
    name = "" if defect is None else defect.name
    if asked is None:
        subject = catalogue.reference()
        if defect is not None:
            if defect.on_reference is None:
                raise UsageProblem(f"the reference model cannot have the defect {name}; give a --kernel")
            subject = replace(subject, kvm=defect.on_reference())
        yield _named(subject, name)
        return
    if defect is not None and not defect.edits:
        raise UsageProblem(f"the defect {name} is one of the reference model; it cannot go with --kernel")
    with usable(), catalogue.kernel(asked, watcher) as subject:
        yield _named(subject, name)


def _named(subject: Subject, defect: str) -> Subject:
    return replace(subject, identity=replace(subject.identity, defect=defect))
