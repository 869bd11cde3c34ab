"""The data about errata and open choices refers to things that exist, and says what it means."""

import importlib
import inspect
from collections.abc import Callable
from itertools import product

import pytest

from mmuproof.smt.graph import evaluate, variables
from mmuproof.smt.terms import FALSE, TRUE, Bool, bool_var, boolean, bv, var
from mmuproof.spec import nested_page_fault
from mmuproof.spec.errata import AMD_1218, ERRATA, L1TF, REPORTS, Erratum, Manufacturer, freed_fields
from mmuproof.spec.hardware import Hardware
from mmuproof.spec.nested_page_fault import NestedPageFault
from mmuproof.spec.open_choices import GMET_WITHOUT_NXE, OPEN_CHOICES, OpenChoice
from mmuproof.spec.reports import Observation

SPEC = ("ept", "npt", "paging", "protection_keys", "page_fault", "ept_violation", "nested_page_fault")


def resolve(path: str) -> Callable[..., object]:
    module, _, name = path.partition(".")
    found = getattr(importlib.import_module(f"mmuproof.spec.{module}"), name)
    assert callable(found)
    return found  # type: ignore[no-any-return]


def erratum(**changes: object) -> Erratum:
    given = {"name": "X", "vendor": Manufacturer.AMD, "title": "t", "condition": "c", "may_differ": "d", "source": "s"}
    return Erratum(**{**given, **changes})  # type: ignore[arg-type]


# -- errata ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("each", ERRATA, ids=lambda each: each.name)
def test_an_erratum_says_what_it_is(each: Erratum) -> None:
    assert all((each.title, each.condition, each.may_differ, each.source))
    assert each.name == each.name.upper()


def test_names_are_unique() -> None:
    assert len(Hardware().switches) == len(ERRATA) + len(OPEN_CHOICES)


@pytest.mark.parametrize(
    "changes",
    [
        {"report": "npf", "fields": ("user",)},
        {"report": "nested-page-fault", "fields": ("usr",)},
        {"report": "nested-page-fault", "fields": ("user",), "when": ("not smep",)},
        {"report": "nested-page-fault"},
        {"fields": ("user",)},
        {"when": ("gmet",)},
    ],
)
def test_an_erratum_of_what_no_report_has_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="erratum X"):
        erratum(**changes)


def fault(*, gmet: bool, fetch: bool, cpl: int) -> NestedPageFault:
    return NestedPageFault(
        write=boolean(not fetch),
        fetch=boolean(fetch),
        present=TRUE,
        reserved=FALSE,
        final=TRUE,
        cpl=bv(cpl, 2),
        gmet=boolean(gmet),
        shadow_stack=FALSE,
        shadow_stack_page=FALSE,
        rmp=FALSE,
        encrypted=FALSE,
        size_mismatch=FALSE,
        vmpl=FALSE,
    )


def possible_user_flags(hardware: Hardware, event: NestedPageFault) -> set[int]:
    """The values of EXITINFO1's bit 2 that the processor can report."""
    number = var("EXITINFO1", 64)
    promise = hardware.promise(Observation("", nested_page_fault.reported(event), number))
    rest = 0x1_0000_0011 if event.fetch is TRUE else 0x1_0000_0003
    settled = {name: int(value) for name, value in _settled(hardware).items()}
    return {user for user in (0, 1) if evaluate(promise, {**settled, "EXITINFO1": rest | user << 2})}


def _settled(hardware: Hardware) -> dict[str, bool]:
    return {hardware.switches[name].present.name: value for name, value in hardware.known.items()}  # type: ignore[union-attr]


@pytest.mark.parametrize(("gmet", "fetch", "cpl"), [*product((False, True), (False, True), range(4))])
def test_erratum_1218_frees_the_user_flag_of_gmet_fetches_only(gmet: bool, fetch: bool, cpl: int) -> None:
    event = fault(gmet=gmet, fetch=fetch, cpl=cpl)
    without = possible_user_flags(Hardware(known={"1218": False}), event)
    if not gmet:
        assert without == {1}
    elif fetch:
        assert without == {int(cpl == 3)}
    else:
        assert without == {0, 1}
    with_it = possible_user_flags(Hardware(known={"1218": True}), event)
    assert with_it == ({0, 1} if gmet else {1})


def test_a_processor_of_which_nothing_is_known_may_have_every_erratum_or_none() -> None:
    event = nested_page_fault.reported(fault(gmet=True, fetch=True, cpl=0))
    promise = Hardware().promise(Observation("", event, var("EXITINFO1", 64)))
    assert AMD_1218.present.name in variables(promise)
    assert list(Hardware().facts()) == []


def test_two_errata_may_free_one_field() -> None:
    one = erratum(name="A", report="nested-page-fault", fields=("user", "fetch"), when=("not gmet",))
    other = erratum(name="B", report="nested-page-fault", fields=("user",), when=("write",))
    event = nested_page_fault.reported(fault(gmet=False, fetch=False, cpl=0))
    freed = freed_fields((one, other, L1TF), event)
    assert set(freed) == {"user", "fetch"}
    assert set(variables(freed["user"])) == {one.present.name, other.present.name}
    assert set(variables(freed["fetch"])) == {one.present.name}


def test_what_is_known_has_to_exist_and_names_to_differ() -> None:
    with pytest.raises(ValueError, match="1219"):
        Hardware(known={"1219": True})
    with pytest.raises(ValueError, match="one name"):
        Hardware((*ERRATA, erratum(name="1218")))


@pytest.mark.parametrize("report", REPORTS.values(), ids=lambda report: report.name)
def test_a_report_names_each_bit_once(report: object) -> None:
    fields = report.fields  # type: ignore[attr-defined]
    assert len({each.bit for each in fields}) == len({each.name for each in fields}) == len(fields)


# -- open choices --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("choice", OPEN_CHOICES, ids=lambda choice: choice.name)
def test_an_open_choice_says_how_the_specification_treats_it(choice: OpenChoice) -> None:
    given = (choice.parameter, choice.report_field, choice.followed)
    assert sum(each is not None for each in given) == 1
    parameters = inspect.signature(resolve(choice.function)).parameters
    if choice.parameter is not None:
        assert parameters[choice.parameter].annotation == "Bool"
        assert parameters[choice.parameter].default is inspect.Parameter.empty
    elif choice.followed is not None:
        assert choice.followed in (0, 1)
    else:
        assert any(choice.report_field == each.name for report in REPORTS.values() for each in report.fields)


def test_every_choice_in_a_signature_is_listed() -> None:
    """No function has a parameter documented as an open choice that the list does not have."""
    listed = {(choice.function, choice.name) for choice in OPEN_CHOICES}
    found = set()
    for module_name in SPEC:
        module = importlib.import_module(f"mmuproof.spec.{module_name}")
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if function.__module__ == module.__name__:
                words = (function.__doc__ or "").split("open choice `")[1:]
                found |= {(f"{module_name}.{name}", word.partition("`")[0]) for word in words}
    assert found == listed


@pytest.mark.parametrize(("first", "second"), [*product((False, True), repeat=2)])
def test_either_reading_is_right_until_one_is_known(first: bool, second: bool) -> None:
    def right(has_second: Bool) -> Bool:
        return (has_second & boolean(second)) | (~has_second & boolean(first))

    choice = GMET_WITHOUT_NXE
    term = choice.either(right)
    decided, which = choice.decided.name, choice.second.name
    assert evaluate(term, {decided: 0}) == (first or second)
    assert evaluate(term, {decided: 1, which: 0}) == first
    assert evaluate(term, {decided: 1, which: 1}) == second
    assert evaluate(choice.reading, {decided: 1, which: 1}) == 1
    assert evaluate(choice.reading, {decided: 0, which: 1}) == 0


def test_what_is_known_is_a_fact_about_the_truth_values() -> None:
    known = dict(Hardware(known={"1218": False, "GMET_WITHOUT_NXE": True}).facts())
    present = AMD_1218.present.name
    assert evaluate(known["1218"].holds, {present: 0}) == 1
    assert evaluate(known["1218"].holds, {present: 1}) == 0
    choice = GMET_WITHOUT_NXE
    holds = {
        (decided, second)
        for decided, second in product((0, 1), repeat=2)
        if evaluate(known["GMET_WITHOUT_NXE"].holds, {choice.decided.name: decided, choice.second.name: second})
    }
    assert holds == {(1, 1)}
    assert bool_var(present) is AMD_1218.present
