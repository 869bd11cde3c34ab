"""The data about errata and open choices refers to things that exist."""

import importlib
import inspect
from collections.abc import Callable
from itertools import product

import pytest

from mmuproof.smt.terms import boolean
from mmuproof.spec.errata import ERRATA, Erratum, reported_user_flag_possible
from mmuproof.spec.open_choices import OPEN_CHOICES, OpenChoice


def resolve(path: str) -> Callable[..., object]:
    module, _, name = path.partition(".")
    found = getattr(importlib.import_module(f"mmuproof.spec.{module}"), name)
    assert callable(found)
    return found  # type: ignore[no-any-return]


@pytest.mark.parametrize("erratum", ERRATA, ids=lambda erratum: erratum.name)
def test_an_erratum_touches_functions_that_exist(erratum: Erratum) -> None:
    assert erratum.touches
    assert all(resolve(path) for path in erratum.touches)
    assert all((erratum.title, erratum.condition, erratum.may_differ, erratum.source))


def test_names_are_unique() -> None:
    for names in ([e.name for e in ERRATA], [c.name for c in OPEN_CHOICES]):
        assert len(names) == len(set(names)) > 0


@pytest.mark.parametrize("choice", OPEN_CHOICES, ids=lambda choice: choice.name)
def test_an_open_choice_is_a_truth_value_parameter_or_says_what_is_followed(choice: OpenChoice) -> None:
    assert (choice.parameter is None) != (choice.followed is None)
    parameters = inspect.signature(resolve(choice.function)).parameters
    if choice.parameter is not None:
        assert parameters[choice.parameter].annotation == "Bool"
        assert parameters[choice.parameter].default is inspect.Parameter.empty
    else:
        assert choice.followed in (0, 1)


def test_every_choice_in_a_signature_is_listed() -> None:
    """No function has a parameter documented as an open choice that the list does not have."""
    listed = {(choice.function, choice.name) for choice in OPEN_CHOICES}
    found = set()
    for module_name in ("ept", "npt", "paging", "protection_keys", "page_fault"):
        module = importlib.import_module(f"mmuproof.spec.{module_name}")
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if function.__module__ == module.__name__:
                words = (function.__doc__ or "").split("open choice `")[1:]
                found |= {(f"{module_name}.{name}", word.partition("`")[0]) for word in words}
    assert found == listed


def test_erratum_1218_frees_the_user_flag_of_gmet_fetches_only() -> None:
    impossible = {
        (true, reported, gmet, fetch)
        for true, reported, gmet, fetch in product((0, 1), repeat=4)
        if not reported_user_flag_possible(
            boolean(bool(true)),
            boolean(bool(reported)),
            gmet=boolean(bool(gmet)),
            instruction_fetch=boolean(bool(fetch)),
        )
    }
    assert impossible == {
        (0, 1, 0, 0),
        (1, 0, 0, 0),
        (0, 1, 0, 1),
        (1, 0, 0, 1),
        (0, 1, 1, 0),
        (1, 0, 1, 0),
    }
