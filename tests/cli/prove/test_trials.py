"""`prove --defect all`: which defects refute a theorem, held against what it states."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import cast

import pytest
from typer.testing import CliRunner
from typer.testing import Result as CliResult

from mmuproof.cli.main import build_app
from mmuproof.cli.shared.catalogue import AskedKernel, Installed, Subject
from mmuproof.cli.shared.results import KernelIdentity
from mmuproof.cli.shared.watching import Watcher
from mmuproof.lift.errors import Refused, SourceError
from mmuproof.lift.syntax import Location
from mmuproof.model.edits import SourceEdit
from mmuproof.model.kvm import Kvm
from mmuproof.model.lifted.bodies import KernelBodies
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.known_findings import KnownFinding
from mmuproof.proofs.shape import Shape
from mmuproof.proofs.theorem import Catch, Claim, Theorem
from mmuproof.smt.terms import TRUE, eq, ne
from tests.cli.conftest import WRONG, FakeCatalogue, FakeDefect, FakeKvm, X, claim
from tests.cli.telling.schema import valid

Run = Callable[..., CliResult]


class WrongKvm(FakeKvm):
    """A model that is no more than what is wrong with it."""

    def __init__(self, wrong: str) -> None:
        super().__init__()
        self.wrong = wrong


def model(wrong: str) -> Kvm:
    return cast(Kvm, WrongKvm(wrong))


def state(kvm: Kvm, vendor: Vendor) -> Sequence[Claim]:
    wrong = cast(WrongKvm, kvm).wrong
    if wrong == "refuses":
        raise Refused("asm goto", "mmu.c:12")
    if wrong == "breaks-amd":
        return [claim(ne(X, 2))] if vendor is Vendor.AMD else [claim(TRUE)]
    if wrong == "breaks-otherwise":
        other = replace(WRONG, name="otherwise", when=eq(X, 2))
        return [Claim(holds=ne(X, 2), symptoms=(other,))]
    return [claim(ne(X, 2) if wrong == "breaks" else TRUE)]


def edited(name: str) -> tuple[SourceEdit, ...]:
    return (SourceEdit("mmu.c", name, ""),)


NAMES = ("breaks", "breaks-amd", "breaks-otherwise", "harmless", "refuses")
DEFECTS = (
    *(FakeDefect(name, on_reference=partial(model, name), edits=edited(name)) for name in NAMES),
    FakeDefect("of-the-tree-alone", edits=edited("harmless")),
    FakeDefect("of-the-model-alone", on_reference=lambda: model("")),
    FakeDefect("does-not-fit", on_reference=lambda: model(""), edits=edited("does-not-fit")),
)


class FakeBodies(KernelBodies):
    """Bodies of which the theorem has read all but one, which a defect changes."""

    def __init__(self, unread: str) -> None:
        self._unread = unread

    def changed_by(self, edits: Sequence[SourceEdit]) -> frozenset[Location] | None:
        (edit,) = edits
        return frozenset() if edit.pattern == self._unread else None


@dataclass(frozen=True)
class TheoremOfModels(FakeCatalogue):
    """One theorem over models that are what is wrong with them."""

    catches: tuple[Catch, ...] = ()
    clean: str = ""
    only: tuple[str, ...] = ()
    unread: str = ""

    def theorems(self) -> tuple[Theorem, ...]:
        return (
            Theorem(
                name="one.theorem",
                claim="It is right.",
                source="SDM 1.2",
                assumes=(),
                vendors=(Vendor.INTEL, Vendor.AMD),
                state=state,
                catches=self.catches,
            ),
        )

    def defects(self) -> dict[str, FakeDefect]:
        return {each.name: each for each in DEFECTS if not self.only or each.name in self.only}

    def reference(self) -> Subject:
        return replace(super().reference(), kvm=model(self.clean))

    @contextmanager
    def kernel(self, asked: AskedKernel, watcher: Watcher) -> Iterator[Subject]:
        read: list[str] = []

        @contextmanager
        def with_edits(some: Sequence[SourceEdit]) -> Iterator[Kvm]:
            assert read, "a copy of this process must not wait for threads that it has not"
            (edit,) = some
            if edit.pattern == "does-not-fit":
                raise SourceError("the pattern of an edit for mmu.c matches 0 times, not once: does-not-fit")
            yield model(edit.pattern)

        identity = KernelIdentity(source=asked.source, version="7.2.13", digest="def")
        yield Subject(
            kvm=model(self.clean),
            identity=identity,
            release="7.2.13",
            edited=with_edits,
            bodies=FakeBodies(self.unread),
            read_ahead=lambda: read.append("all of it"),
        )


def run(catalogue: TheoremOfModels, *words: object) -> CliResult:
    return CliRunner().invoke(build_app(catalogue), ["prove", "--defect", "all", *map(str, words)])


BREAKS, AMD, OTHERWISE = Catch("breaks", "wrong"), Catch("breaks-amd", "wrong"), Catch("breaks-otherwise", "otherwise")


@pytest.mark.parametrize(
    ("catches", "only", "status", "lines"),
    [
        ((BREAKS, AMD, OTHERWISE), NAMES[:4], 0, ["REFUTED breaks-otherwise otherwise as stated"]),
        ((BREAKS,), NAMES[:4], 1, ["REFUTED breaks wrong as stated", "REFUTED breaks-amd wrong not stated"]),
        ((BREAKS, Catch("harmless", "wrong")), ("breaks", "harmless"), 1, ["PROVED harmless stated as: wrong"]),
        ((Catch("breaks", "odd"),), ("breaks",), 1, ["REFUTED breaks wrong stated as: odd"]),
        ((BREAKS,), ("breaks", "refuses"), 3, ["ERROR refuses mmu.c:12: asm goto"]),
        ((), ("breaks", "refuses"), 1, ["REFUTED breaks wrong not stated", "ERROR refuses mmu.c:12: asm goto"]),
    ],
)
@pytest.mark.parametrize("kernel", [(), ("--kernel", "linux")], ids=["reference", "tree"])
def test_what_refutes_a_theorem_is_held_against_what_it_states(
    catches: tuple[Catch, ...], only: tuple[str, ...], status: int, lines: list[str], kernel: tuple[str, ...]
) -> None:
    ran = run(TheoremOfModels(catches=catches, only=only), *kernel)
    assert ran.exit_code == status, ran.output
    told = [" ".join(line.split()) for line in ran.stdout.splitlines()]
    assert [line for line in lines if line not in told] == []


def test_what_is_left_as_it_is_is_counted_and_told_with_v() -> None:
    catalogue = TheoremOfModels(catches=(BREAKS,), only=("breaks", "harmless"))
    quiet, verbose = run(catalogue).stdout, run(catalogue, "-v").stdout
    assert "1 other defects do not refute it." in quiet
    assert "harmless" not in quiet
    assert "PROVED   harmless" in verbose


def test_what_no_theorem_has_read_is_not_put_in() -> None:
    read, unread = (run(TheoremOfModels(only=("breaks",), unread=name), "--kernel", "linux") for name in ("", "breaks"))
    assert "REFUTED  breaks" in read.stdout
    assert "1 other defects do not refute it." in unread.stdout


@pytest.mark.parametrize(
    ("kernel", "defect", "reason"),
    [
        ((), "of-the-tree-alone", "the reference model cannot have it"),
        (("--kernel", "linux"), "of-the-model-alone", "it is one of the reference model"),
        (("--kernel", "linux"), "does-not-fit", "the pattern of an edit for mmu.c matches 0 times, not once"),
    ],
)
def test_a_defect_that_does_not_fit_is_told_and_undecided_if_it_is_stated(
    kernel: tuple[str, ...], defect: str, reason: str
) -> None:
    not_stated = run(TheoremOfModels(catches=(BREAKS,), only=("breaks", defect)), *kernel)
    assert not_stated.exit_code == 0
    assert f"1 defects could not be put in: {defect}" in not_stated.stdout
    stated = run(TheoremOfModels(catches=(Catch(defect, "wrong"),), only=(defect,)), *kernel)
    assert stated.exit_code == 3
    assert f"DOES NOT FIT  {defect}" in stated.stdout
    assert reason in stated.stdout


def test_a_theorem_that_is_refuted_without_a_defect_is_told_unless_that_is_known() -> None:
    catalogue = TheoremOfModels(clean="breaks", only=("harmless",))
    ran = run(catalogue)
    assert ran.exit_code == 1
    assert "already without a defect" in ran.stdout
    shapes = tuple(
        Shape(theorem="one.theorem", vendor=vendor, part="", symptom="wrong", place="")
        for vendor in (Vendor.INTEL, Vendor.AMD)
    )
    known = replace(catalogue, findings=(KnownFinding(number=1, says="It is wrong.", shapes=shapes),))
    assert run(known).exit_code == 0


def test_the_results_file_has_every_trial(tmp_path: Path) -> None:
    run(TheoremOfModels(catches=(BREAKS,), only=("breaks", "refuses")), "--json", tmp_path / "r.json")
    content = valid((tmp_path / "r.json").read_text())
    assert {"schema", "command", "tool", "kernel", "trials"} <= content.keys()
    assert [(each["defect"], each["verdict"], each["symptoms"], each["as_stated"]) for each in content["trials"]] == [
        (None, "PROVED", [], True),
        ("breaks", "REFUTED", ["wrong"], True),
        ("refuses", "ERROR", [], None),
    ]


def test_every_vendor_is_tried() -> None:
    ran = run(TheoremOfModels(), "--vendor", "intel")
    assert ran.exit_code == 2
    assert "no --vendor" in ran.stderr


@pytest.mark.kernel
@pytest.mark.long
def test_a_real_tree_is_refuted_by_exactly_what_is_stated(
    kernel_tree: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue = Installed()
    few = {name: catalogue.defects()[name] for name in ("mbec-ignores-xu", "track-mask-without-xu")}
    monkeypatch.setattr(Installed, "defects", lambda _self: few)
    words = ["prove", "tracking.not-present", "--defect", "all", "--kernel", str(kernel_tree("7.2"))]
    ran = CliRunner().invoke(build_app(catalogue), words)
    assert ran.exit_code == 0, ran.output
    assert "REFUTED  track-mask-without-xu  hardware-present  as stated" in ran.stdout
