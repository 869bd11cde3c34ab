"""What a run has found, as typed rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mmuproof.lift.tree.asked import AskedSymbol
from mmuproof.lift.tree.configuration import Configuration
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.shape import Shape
from mmuproof.smt.obligation import Verdict


@dataclass(frozen=True)
class Input:
    """An input of a counterexample, as a reader sees it: ``pte_access`` = ``READ|EXEC``.

    Args:
        name: what it is called.
        text: its value.
        reads: what its bits say in one line, if it is a number whose bits mean something.
        decoded: the same bit by bit, as a results file has it.
    """

    name: str
    text: str
    reads: str = ""
    decoded: Mapping[str, object] | None = None


@dataclass(frozen=True)
class TracedStep:
    """One assignment on the way to the wrong result.

    ``at`` is ``file:line``; ``reads`` is as for an `Input`; ``width`` is that of what is assigned, 0 for none.
    """

    at: str
    text: str
    reads: str = ""
    width: int = 0


@dataclass(frozen=True, kw_only=True)
class Counterexample:
    """A confirmed counterexample.

    Args:
        symptom: the name of what went wrong (see `mmuproof.proofs.theorem.Symptom`).
        sentence: what is wrong, in a sentence.
        inputs: the inputs that matter; everything not listed may have any value.
        values: every variable of the obligation with its value.
        steps: how KVM came to its answer.
        actual: what KVM does.
        expected: what the manual says.
        at: the last step's place; without steps, the place in the code that is nearest; empty if there is none.
        place: ``file:function`` of what goes wrong, empty if it is no one place.
    """

    symptom: str
    sentence: str
    inputs: tuple[Input, ...]
    values: Mapping[str, int]
    steps: tuple[TracedStep, ...]
    actual: str
    expected: str
    at: str
    place: str = ""


def in_part(part: str, sentence: str) -> str:
    """A sentence about a part of a theorem, with the part in front; not if it is a function of which it speaks."""
    is_said = not part or f"{part.removesuffix('()')}()" in sentence
    return sentence if is_said else f"{part}: {sentence}"


@dataclass(frozen=True)
class CutNote:
    """A call that was not followed, why that is sound, and what was not read of what it may write."""

    function: str
    at: str
    reason: str
    unchecked: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Result:
    """The verdict on one theorem for one vendor.

    ``seconds`` is the processor time for stating it, deciding its claims and telling its counterexamples.  What several
    theorems need of the code counts for the first of them; parsing, which happens beside this, for none.
    ``refuted`` is the shape of each of its counterexamples.  ``known`` are the numbers of the known findings
    that they are, and empty if anything is wrong with the theorem that is not known.
    ``claims`` is how many claims it made.
    """

    theorem: str
    vendor: Vendor
    verdict: Verdict
    seconds: float
    reason: str | None = None
    assumptions: tuple[str, ...] = ()
    cuts: tuple[CutNote, ...] = ()
    counterexample: Counterexample | None = None
    source: str = ""
    refuted: tuple[Shape, ...] = ()
    known: tuple[int, ...] = ()
    claims: int = 0


@dataclass(frozen=True, kw_only=True)
class KernelIdentity:
    """What was judged.

    Args:
        source: what the user named, or the reference model.
        version: None for the reference model.
        config: what was set in the configuration under which the tree was read.
        configuration: that configuration; None for the reference model.
        asked: the symbols of it that KVM's C tests.
        left_out: what of KVM's code it leaves out: the symbols that choose it, each with where it is not set.
        digest: SHA-256 of everything that a result depends on.
        defect: the defect that was put in, empty if none was.
        hardware: what the user said of the processor: ``1218=off``.
        errata: the file with errata of the user's own, empty if there is none.
        theorems: the files with theorems of the user's own.
    """

    source: str
    version: str | None
    config: tuple[str, ...] = ()
    configuration: Configuration | None = None
    asked: tuple[AskedSymbol, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    digest: str = ""
    defect: str = ""
    hardware: tuple[str, ...] = ()
    errata: str = ""
    theorems: tuple[str, ...] = ()

    @property
    def described(self) -> str:
        """The source and what is special: a result must not be taken for the real thing's on any processor."""
        return f"{self.source}{self.special}"

    @property
    def named(self) -> str:
        """The source and its version."""
        return self.source if not self.version else f"{self.source} (Linux {self.version})"

    @property
    def judged(self) -> str:
        """What was judged, in words: the source, its version, and what is special."""
        return f"{self.named}{self.special}"

    @property
    def special(self) -> str:
        """The user's configuration, the defect that was put in, and what is taken as known of the processor."""
        config = f" under {self.config_file}" if self.config_file else ""
        defect = f" with the defect {self.defect}" if self.defect else ""
        errata = f" with the errata of {self.errata}" if self.errata else ""
        known = f" on a processor with {', '.join(self.hardware)}" if self.hardware else ""
        return f"{config}{defect}{errata}{known}"

    @property
    def config_file(self) -> str:
        """The user's configuration, empty if there is none."""
        given = None if self.configuration is None else self.configuration.given
        return "" if given is None else given.file


@dataclass(frozen=True)
class CarriedNames:
    """What was taken for what in some results, since a tree calls things otherwise than an earlier one.

    Args:
        said: what is what, a sentence each.
        results: the places of the results that rest on it, in the order of a report.
    """

    said: tuple[str, ...] = ()
    results: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Report:
    """A whole run.

    With ``allow_known``, results whose counterexamples are all known findings do not count against the run.
    ``remarks`` say which known findings do not show as they are recorded.  ``saved`` is how many of the results an
    earlier run has found, and ``known_claims`` how many claims of the others it has proved.
    """

    kernel: KernelIdentity
    results: tuple[Result, ...]
    seconds: float
    solvers: Mapping[str, str] = field(default_factory=dict)
    allow_known: bool = False
    remarks: tuple[str, ...] = ()
    carried: CarriedNames = field(default_factory=CarriedNames)
    saved: int = 0
    known_claims: int = 0
