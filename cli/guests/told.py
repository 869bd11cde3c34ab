"""The inputs of a counterexample, as those ask for them who make a guest of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from mmuproof.cli.shared.results import Counterexample, Result
from mmuproof.cli.telling.report import part_of
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.given.relations import PAGING_FLAGS

_FLAGS = {name: 1 << bit for bit, name in PAGING_FLAGS}


class NoGuestError(Exception):
    """No description of a guest leads there; with the reason."""


@dataclass
class ToldInputs:
    """What a counterexample is of.

    Args:
        result: whose counterexample it is.
        asked: the names of the inputs that somebody has asked for.
    """

    result: Result
    asked: set[str] = field(default_factory=set)

    @property
    def counterexample(self) -> Counterexample:
        """The counterexample."""
        assert self.result.counterexample is not None
        return self.result.counterexample

    @property
    def vendor(self) -> Vendor:
        """For which tables."""
        return self.result.vendor

    @property
    def part(self) -> str:
        """The part of the theorem that it refutes."""
        return part_of(self.result)

    @property
    def says(self) -> str:
        """What is wrong, and what says so, in a sentence."""
        return f"{self.counterexample.sentence} ({', '.join(filter(None, (self.result.theorem, self.part)))})"

    def is_told(self, name: str) -> bool:
        """Whether the input cannot have any value."""
        return any(each.name == name for each in self.counterexample.inputs)

    def flags(self, name: str) -> frozenset[str]:
        """The names of the bits that are set; none of an input that may have any value."""
        return frozenset(self._text(name).split("|")) - {"", "0"}

    def number(self, name: str, otherwise: int = 0) -> int:
        """The value of a number; another for one that may have any value."""
        text = self._text(name)
        try:
            # The flags of an entry are told by their names, and what is left of it as a number.
            return sum(_FLAGS.get(each) or int(each, 0) for each in text.split("|")) if text else otherwise
        except ValueError as error:
            raise NoGuestError(f"{name} is {text}, which is no number") from error

    def first_number(self, name: str) -> int:
        """The value of an input that is told as a number, and in words behind it."""
        text = self._text(name).partition(" ")[0]
        try:
            return int(text, 0)
        except ValueError as error:
            raise NoGuestError(f"{name} may have any value" if not text else f"{name} is {text}") from error

    def ignore(self, *names: str) -> None:
        """Inputs that follow from the guest by itself."""
        self.asked.update(names)

    def ignore_all(self) -> None:
        """The same of all inputs."""
        self.ignore(*(each.name for each in self.counterexample.inputs))

    def left(self, more: Iterable[str] = ()) -> tuple[str, ...]:
        """What no guest can set, in words: what was never asked for, and more."""
        return (*more, *self._unasked())

    def _unasked(self) -> Iterator[str]:
        for each in self.counterexample.inputs:
            if each.name not in self.asked:
                yield f"{each.name} = {each.text}, which is not made of anything that the description says"

    def _text(self, name: str) -> str:
        self.asked.add(name)
        return next((each.text for each in self.counterexample.inputs if each.name == name), "")
