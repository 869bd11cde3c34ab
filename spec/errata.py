"""Where processors are known to differ from the manuals, as data.

Whether a processor has an erratum is a truth value, `Erratum.present`.  A statement that leaves it free speaks of
processors with the erratum and of those without.  An erratum that makes a report unreliable says which bits, and
when; the promise that the manual makes of the report becomes that much weaker, wherever the report is used.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mmuproof.smt.terms import Bool, all_of, any_of, bool_var
from mmuproof.spec.ept_violation import EPT_VIOLATION
from mmuproof.spec.nested_page_fault import NESTED_PAGE_FAULT
from mmuproof.spec.reports import HardwareReport, Reported, all_conditions

REPORTS: Mapping[str, HardwareReport] = {report.name: report for report in (EPT_VIOLATION, NESTED_PAGE_FAULT)}
"""The reports that an erratum can make unreliable."""


class Manufacturer(enum.Enum):
    """Who makes the processor."""

    INTEL = "Intel"
    AMD = "AMD"


@dataclass(frozen=True, kw_only=True)
class Erratum:
    """A published departure of processors from their manual.

    Attributes:
        name: the vendor's name or number, in capitals, as a user writes it.
        vendor: whose processors.
        title: the vendor's title, or what the vendor calls it.
        condition: when it can show.
        may_differ: what can then be other than the manual says.
        source: where it is published.
        report: the name of the report that it makes unreliable, empty if it concerns none.
        fields: which of the report's fields.
        when: for which events: conditions of the report by name, all of which hold; ``not NAME`` for the opposite.

    Raises:
        ValueError: there is no such report, or it has no such field or condition.
    """

    name: str
    vendor: Manufacturer
    title: str
    condition: str
    may_differ: str
    source: str
    report: str = ""
    fields: tuple[str, ...] = ()
    when: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.report:
            if self.fields or self.when:
                raise ValueError(f"erratum {self.name}: fields and conditions are those of a report, and none is named")
            return
        if self.report not in REPORTS:
            raise ValueError(f"erratum {self.name}: no report is called {self.report}; there are {', '.join(REPORTS)}")
        report = REPORTS[self.report]
        for word, given, known in (
            ("field", self.fields, [each.name for each in report.fields]),
            ("condition", [each.removeprefix("not ") for each in self.when], list(report.conditions)),
        ):
            for each in given:
                if each not in known:
                    raise ValueError(
                        f"erratum {self.name}: {report.name} has no {word} {each}; there are {', '.join(known)}"
                    )
        if not self.fields:
            raise ValueError(f"erratum {self.name}: which fields of {self.report} can be wrong?")

    @property
    def present(self) -> Bool:
        """Whether the processor has it."""
        return bool_var(f"erratum {self.name}")


AMD_1218 = Erratum(
    name="1218",
    vendor=Manufacturer.AMD,
    title="EXITINFO1[2] May Be Incorrectly Set When GMET (Guest Mode Execute Trap extension) is Enabled",
    condition="a nested page fault on a guest instruction fetch while GMET is enabled",
    may_differ="bit 2 (US) of EXITINFO1; the access is judged correctly, and only what is reported of it "
    "can be wrong.  Which models have it is not stated here, so any may.",
    source="AMD revision guides, erratum 1218 (as cited in public; the guide itself was not at hand); "
    "footnote in APM 15.25.13",
    report=NESTED_PAGE_FAULT.name,
    fields=("user",),
    when=("gmet", "fetch"),
)

L1TF = Erratum(
    name="L1TF",
    vendor=Manufacturer.INTEL,
    title="L1 Terminal Fault (CVE-2018-3615, CVE-2018-3620, CVE-2018-3646)",
    condition="a translation ends at an entry that is not present or has a reserved bit set, and the "
    "physical address in that entry is cached in the level-1 data cache",
    may_differ="loads that will fault can be speculatively served from the address in the entry, so bits the "
    "manual calls ignored have a side effect; architectural results are as specified",
    source="Intel, Deep Dive: Intel Analysis of L1 Terminal Fault, 2018",
)

ITLB_MULTIHIT = Erratum(
    name="ITLB_MULTIHIT",
    vendor=Manufacturer.INTEL,
    title="iTLB multihit: Machine Check Error Avoidance on Page Size Change (CVE-2018-12207)",
    condition="a fetch hits two instruction-TLB entries of different page sizes for one address, after the "
    "page size was changed without invalidation in between",
    may_differ="the fetch can end in a machine check instead of using either translation; pages above "
    "4 KByte that cannot be executed from are safe",
    source="Intel, Machine Check Error Avoidance on Page Size Change, 2019",
)

EPT_ACCESSED_DIRTY = Erratum(
    name="EPT_AD",
    vendor=Manufacturer.INTEL,
    title="EPT accessed and dirty flags cannot be relied on (AVR41 and the like)",
    condition="accessed and dirty flags for EPT are enabled (EPTP bit 6) on a processor that has the erratum",
    may_differ="the flags of an entry can stay clear although the page is accessed or written; which translations "
    "are allowed is as specified",
    source="Intel Atom C2000 specification update, AVR41 (as cited in public; the update itself was not at hand)",
)

ERRATA: tuple[Erratum, ...] = (AMD_1218, L1TF, ITLB_MULTIHIT, EPT_ACCESSED_DIRTY)


def freed_fields(errata: Iterable[Erratum], reported: Reported) -> dict[str, Bool]:
    """Which fields of a report for one event the errata free, and on which processors."""
    reasons: dict[str, list[Bool]] = {}
    for erratum in errata:
        if erratum.report == reported.report.name:
            shows = all_of(erratum.present, all_conditions(reported, erratum.when))
            for name in erratum.fields:
                reasons.setdefault(name, []).append(shows)
    return {name: any_of(*each) for name, each in reasons.items()}
