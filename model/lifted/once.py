"""Lifting each thing once: several theorems ask the same of the code, and lifting is most of the work."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from mmuproof.lift.errors import Missing
from mmuproof.lift.ran import Ran, remembered, rest_on
from mmuproof.model.kvm import NotThere

_Self = TypeVar("_Self", bound="Remembers")
_P = ParamSpec("_P")
_R = TypeVar("_R")


class Remembers:
    """Something that keeps what its methods marked with `once` have given."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], tuple[object, Ran]] = {}


def once(method: Callable[Concatenate[_Self, _P], _R]) -> Callable[Concatenate[_Self, _P], _R]:
    """A method that gives the same for the same arguments, which have to be hashable; run once for each.

    Whoever asks again rests on what was run for it the first time.

    A name that the tree lacks (`mmuproof.lift.errors.Missing`) becomes what the interface says it is: `NotThere`.
    """

    @wraps(method)
    def known_or_made(self: _Self, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        key: tuple[Any, ...] = (method.__name__, *args, *kwargs.items())
        known = self._known
        if key not in known:
            try:
                with remembered() as ran:
                    known[key] = method(self, *args, **kwargs), ran
            except Missing as missing:
                raise NotThere(missing.names) from None
        value, ran = known[key]
        rest_on(ran)
        return cast(_R, value)

    return cast(Callable[Concatenate[_Self, _P], _R], known_or_made)
