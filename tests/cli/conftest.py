"""A catalogue of tiny theorems, and the command line over it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import cast

import pytest
from typer.testing import CliRunner
from typer.testing import Result as CliResult

from mmuproof.cli.main import build_app
from mmuproof.cli.shared.catalogue import REFERENCE, AskedKernel, NamedDefect, Subject
from mmuproof.cli.shared.results import KernelIdentity
from mmuproof.cli.shared.watching import Unwatched, Watcher
from mmuproof.lift.errors import Missing, ParseFailed, Refused, SourceError
from mmuproof.lift.ran import note_run
from mmuproof.lift.syntax import Empty, Location
from mmuproof.model.edits import SourceEdit
from mmuproof.model.evidence import CutCall, Evidence
from mmuproof.model.features import Feature
from mmuproof.model.kvm import Kvm, NotThere
from mmuproof.model.lifted.functions import KernelFunction, KernelFunctions
from mmuproof.model.statement import Case, Shown, Symptom
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.known_findings import KnownFinding
from mmuproof.proofs.theorem import Catch, Claim, Need, Theorem
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import TRUE, Bool, eq, ne, ule, var
from tests.hangs import HANGS


class Watching(Unwatched):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.failures: dict[str, str] = {}

    def failure(self, what: str, trace: str) -> None:
        self.failures[what] = trace


X = var("x", 8)
WRONG = Symptom(
    name="wrong",
    when=TRUE,
    sentence="The claim is wrong.",
    actual="something else",
    expected="SDM 1.2: the right thing",
)


def claim(holds: Bool, *assumptions: Bool, part: str = "") -> Claim:
    labelled = tuple(Assumption(f"assumption {n}", each) for n, each in enumerate(assumptions))
    return Claim(
        holds=holds,
        symptoms=(WRONG,),
        case=Case(
            assumptions=labelled,
            shown=(Shown("x", X, ((0, "A"), (1, "B"))),),
            evidence=Evidence(cuts=(CutCall("callee", "mmu.c:7", "says nothing"),)),
            part=part,
        ),
    )


def raising(error: Exception) -> Callable[[Kvm, Vendor], Sequence[Claim]]:
    def state(_kvm: Kvm, _vendor: Vendor) -> Sequence[Claim]:
        raise error

    return state


def interrupting(_kvm: Kvm, _vendor: Vendor) -> Sequence[Claim]:
    """Somebody presses Ctrl-C while a theorem is being stated; see `interruptible`."""
    os.kill(os.getppid(), signal.SIGINT)
    time.sleep(HANGS)
    return ()


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C counts also where tests run in the background of a script, which has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def stating(*claims: Claim) -> Callable[[Kvm, Vendor], Sequence[Claim]]:
    return lambda _kvm, _vendor: claims


MMU, VMX = "arch/x86/kvm/mmu/mmu.c", "arch/x86/kvm/vmx/vmx.c"


def running(
    file: str, *lines: int, cuts: Sequence[str] = (), claims: Sequence[Claim] = (claim(TRUE),)
) -> Callable[[Kvm, Vendor], Sequence[Claim]]:
    """A theorem that rests on a run of these lines."""

    def state(_kvm: Kvm, _vendor: Vendor) -> Sequence[Claim]:
        note_run([Empty(Location(file, line)) for line in lines], cuts)
        return claims

    return state


def function(
    name: str, file: str, first: int, lines: Sequence[int], *, names: Sequence[str] = (), calls: bool = False
) -> KernelFunction:
    return KernelFunction(
        name=name,
        names=tuple(names or [name]),
        file=file,
        first=first,
        last=max(lines) + 1,
        lines=frozenset(lines),
        of_mmu=file != VMX,
        calls_mmu=calls,
    )


FUNCTIONS = KernelFunctions(
    functions=(
        function("make_spte", MMU, 10, range(11, 21)),
        function("kvm_update_page_stats", MMU, 30, (31, 32)),
        function("drop_spte", MMU, 40, (41,)),
        function(
            "FNAME(fetch)", "arch/x86/kvm/mmu/paging_tmpl.h", 50, (52, 54), names=("paging32_fetch", "paging64_fetch")
        ),
        function("handle_ept_violation", VMX, 60, (61, 62), calls=True),
        function("vmx_load_eptp", VMX, 70, (71,)),
        function("vmx_set_rflags", VMX, 80, (81,)),
    ),
    not_read=("arch/x86/kvm/vmx/tdx.c does not parse: 1 error",),
)


STATEMENTS: Mapping[str, Callable[[Kvm, Vendor], Sequence[Claim]]] = {
    "ok.proved": stating(claim(ule(X & 7, 7)), claim(ule(X, 9), ule(X, 3))),
    "ok.not-there": stating(claim(ne(X, 2))),
    "odd.lost": raising(NotThere(["ACC_NEW", "is_new"])),
    "odd.missing": raising(Missing(["make_new"])),
    "bad.refuted": stating(claim(ule(X & 7, 7)), claim(ne(X, 2), part="second half")),
    "bad.refuted-and-error": stating(claim(ne(X, 2)), Claim(holds=ne(X, 2), symptoms=())),
    "odd.vacuous": stating(claim(eq(X, 3), ule(X, 3), eq(X, 1), eq(X, 2))),
    "odd.unknown": stating(claim(ne(var("a", 64) * var("b", 64) * var("a", 64), 0x1234_5678_9ABC_DEF1))),
    "odd.refused": raising(Refused("asm goto", "arch/x86/kvm/mmu/mmu.c:12")),
    "odd.broken": raising(ZeroDivisionError("by nothing")),
    "odd.empty": stating(),
    "odd.no-symptom": stating(Claim(holds=ne(X, 2), symptoms=())),
    "odd.vacuous-and-proved": stating(claim(ule(X & 7, 7)), claim(eq(X, 3), eq(X, 1), eq(X, 2))),
    "source.unusable": raising(ParseFailed("mmu.c", [f"mmu.c:{n}: no" for n in range(30)])),
    "source.interrupted": interrupting,
}
NEEDS = {"ok.not-there": (Need(Feature.MBEC),)}
"""What is not there in any of the fakes."""


class FakeKvm:
    """An implementation that is asked for nothing but features and names."""

    def __init__(self) -> None:
        self.asked: dict[Feature, bool] = {}

    def has(self, feature: Feature) -> bool:
        return self.asked.setdefault(feature, feature is not Feature.MBEC)

    def near(self, name: str) -> tuple[str, ...]:
        return ("is_old",) if name == "is_new" else ()

    def place_of(self, name: str) -> str:
        return {"is_old": "mmu.c:7", "FROZEN_SPTE": "spte.h:9"}.get(name, "")

    @property
    def masks(self) -> object:
        raise NotThere(["shadow_present_mask"])


VENDORS = {"bad.refuted": (Vendor.INTEL, Vendor.AMD), "ok.proved": tuple(Vendor)}


@dataclass(frozen=True)
class FakeDefect:
    name: str
    says: str = "It is broken."
    on_reference: Callable[[], Kvm] | None = None
    edits: tuple[SourceEdit, ...] = ()


@dataclass(frozen=True)
class FakeCatalogue:
    """Sources by name (an identity, or what opening it raises), and what is known to be wrong."""

    sources: Mapping[str, KernelIdentity | SourceError] = field(default_factory=dict)
    findings: tuple[KnownFinding, ...] = ()
    statements: Mapping[str, Callable[[Kvm, Vendor], Sequence[Claim]]] = field(default_factory=lambda: STATEMENTS)
    defect_list: tuple[FakeDefect, ...] = (
        FakeDefect("mbec-ignored", on_reference=lambda: cast(Kvm, FakeKvm())),
        FakeDefect("nx-ignored", edits=(SourceEdit("mmu.c", "a", "b"),)),
    )

    is_own: bool = False

    def theorems(self) -> tuple[Theorem, ...]:
        return tuple(
            Theorem(
                name=name,
                claim=f"Claim of {name}.",
                source="SDM 1.2",
                assumes=(f"guaranteed for {name}",),
                vendors=VENDORS.get(name, (Vendor.INTEL,)),
                needs=NEEDS.get(name, ()),
                state=state,
                catches=(Catch("mbec-ignored", "wrong"),),
            )
            for name, state in self.statements.items()
        )

    def defects(self) -> Mapping[str, NamedDefect]:
        return {defect.name: defect for defect in self.defect_list}

    def known_findings(self) -> tuple[KnownFinding, ...]:
        return self.findings

    def reference(self) -> Subject:
        identity = KernelIdentity(source=REFERENCE, version=None, digest="abc")
        return Subject(kvm=cast(Kvm, FakeKvm()), identity=identity, release="7.2.13")

    @contextmanager
    def kernel(self, asked: AskedKernel, watcher: Watcher) -> Iterator[Subject]:
        watcher.phase("reading the tree")
        found = self.sources.get(asked.source, SourceError(f"{asked.source} does not exist"))
        if isinstance(found, SourceError):
            raise found
        yield Subject(
            kvm=cast(Kvm, FakeKvm()), identity=found, release=found.version or "", functions=lambda: FUNCTIONS
        )


Cli = Callable[..., CliResult]


@pytest.fixture
def catalogue() -> FakeCatalogue:
    return FakeCatalogue(
        {
            "linux": KernelIdentity(source="linux", version="7.2.12", config=("CONFIG_X86_64=y",), digest="def"),
            "my tree": KernelIdentity(source="my tree", version="7.3.0-rc1", config=(), digest="def"),
            "garbage": SourceError("garbage is not a kernel tree: it has no arch/x86/kvm"),
            "unparsed": ParseFailed("mmu.c", ["mmu.c:1: no", *(f"mmu.c:{n}: never" for n in range(2, 30))]),
        }
    )


@pytest.fixture
def cli(catalogue: FakeCatalogue) -> Cli:
    """Run the command line on some words."""

    def run(*words: object) -> CliResult:
        return CliRunner().invoke(build_app(catalogue), [str(word) for word in words], prog_name="mmuproof")

    return run
