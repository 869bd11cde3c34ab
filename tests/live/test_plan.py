"""The plan: what is run with which modules, in which order."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.live.guests.steps import Go
from mmuproof.live.plan import by_boot, parts_of, plan_of
from mmuproof.live.trial import Attempt, Emulated, Modules, Seen, Warned
from tests.live.test_judging import TRY

OFF = Modules(vendor=("npt=0",))
PLAIN = replace(TRY, name="plain", attempt=Attempt((Go(1),)), control=Attempt((Go(2),)))
SHADOW = replace(TRY, name="shadow", attempt=Attempt((), OFF), control=Attempt((), OFF))
WARNS = replace(TRY, name="warns", shows=Seen({}, Warned("f")))
DIES = replace(TRY, name="dies", shows=Seen({}, dies_in="f"))
DIES_TOO = replace(DIES, name="dies-too")
HOLDS = replace(DIES, name="holds", processors=2)


def names(*trials: object) -> list[str]:
    chosen = [trial for trial in (PLAIN, SHADOW, WARNS, DIES) if trial in trials]
    return [part.name for part in parts_of(chosen)]


def test_the_control_comes_before_the_attempt() -> None:
    assert names(PLAIN) == ["plain/control", "plain/attempt"]


def test_what_a_kernel_dies_of_is_the_last() -> None:
    assert names(PLAIN, SHADOW, DIES)[-1] == "dies/attempt"


def test_what_leaves_no_kernel_or_needs_other_processors_has_a_boot_of_its_own() -> None:
    assert by_boot([HOLDS, PLAIN, DIES, SHADOW, DIES_TOO]) == ((PLAIN, DIES, SHADOW), (DIES_TOO,), (HOLDS,))
    assert by_boot([HOLDS]) == ((HOLDS,),)


def test_modules_are_loaded_anew_only_where_parameters_change_or_a_warning_is_to_be_armed() -> None:
    def loads(*trials: object) -> int:
        chosen = [trial for trial in (PLAIN, SHADOW, WARNS) if trial in trials]
        return plan_of(parts_of(chosen), Emulated.AMD, ("kvm", "kvm-amd")).count("module kvm-amd")

    assert loads(PLAIN) == 1
    assert loads(PLAIN, SHADOW) == 2
    assert loads(WARNS) == 2


def test_the_plan_loads_what_kvm_needs_once_and_before_it() -> None:
    plan = plan_of(parts_of([PLAIN, SHADOW]), Emulated.AMD, ("irqbypass", "kvm", "ccp", "kvm-amd")).splitlines()
    assert plan[:4] == ["module irqbypass", "module ccp", "module kvm", "module kvm-amd"]
    assert plan[4:7] == ["try plain/control", "go 0x2", "end plain/control"]
    assert plan.count("module ccp") == 1
    assert plan[plan.index("module kvm-amd npt=0") - 3 :][:3] == ["unload kvm-amd", "unload kvm", "module kvm"]


def test_a_parameter_that_matters_is_read_first() -> None:
    plan = plan_of(parts_of([replace(PLAIN, offered_by=("kvm_amd", "x"))]), Emulated.AMD, ("kvm", "kvm-amd"))
    assert "try plain/attempt\nparameter kvm_amd x\ngo 0x1\n" in plan
