"""What the manuals leave open, as data.

Most choices are parameters: a proof that leaves the parameter free holds whichever reading is right.  For
some the specification follows one reading, and says which.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class OpenChoice:
    """A question that the manual does not answer.

    Exactly one of ``parameter`` and ``followed`` is given.

    Attributes:
        name: the name used in this package.
        question: what is open.
        readings: the possible answers; for a parameter, first what False and then what True means.
        source: where the manual is silent or contradicts itself.
        function: the function concerned, with its module, below ``mmuproof.spec``.
        parameter: the parameter of that function which chooses, a truth value.
        followed: which of ``readings`` the function follows, 0 or 1.
    """

    name: str
    question: str
    readings: tuple[str, str]
    source: str
    function: str
    parameter: str | None = None
    followed: int | None = None


EPT_1G_MEMORY_TYPE = OpenChoice(
    name="EPT_1G_MEMORY_TYPE",
    question="Is a reserved memory type in an EPT PDPTE that maps a 1-GByte page a misconfiguration?",
    readings=("no: the list names only PDEs with bit 7 and PTEs", "yes: as for the other pages"),
    source="SDM 31.3.3.1",
    function="ept.misconfigured",
    parameter="memory_type_checked_in_1g",
)

GMET_WITHOUT_NXE = OpenChoice(
    name="GMET_WITHOUT_NXE",
    question="Does GMET deny fetches if EFER.NXE of the host is 0?",
    readings=(
        "yes: no precondition on EFER.NXE is given for GMET",
        "no: without EFER.NXE of the host all nested pages are executable",
    ),
    source="APM 15.25 against 15.25.13",
    function="npt.allows",
    parameter="gmet_void_without_nxe",
)

GMET_SUPERVISOR_PAGE_DATA = OpenChoice(
    name="GMET_SUPERVISOR_PAGE_DATA",
    question="With GMET, can data and guest page tables be accessed in a page whose nested U/S is 0?",
    readings=(
        "yes: a page that the guest's supervisor can execute from has U/S 0, so data access needs no U/S",
        "no: the sentence that all guest accesses are user accesses was not amended",
    ),
    source="APM 15.25.7 against 15.25.13",
    function="npt.allows",
    followed=0,
)

PK_BESIDE_OTHER = OpenChoice(
    name="PK_BESIDE_OTHER",
    question="Is PK set in a page fault's error code if both the key and something else deny the access?",
    readings=("no: the other cause hides the key", "yes: PK is defined by its own conditions"),
    source="SDM 5.7",
    function="page_fault.protection_key_flag",
    parameter="key_flag_beside_other_cause",
)

OPEN_CHOICES: tuple[OpenChoice, ...] = (
    EPT_1G_MEMORY_TYPE,
    GMET_WITHOUT_NXE,
    GMET_SUPERVISOR_PAGE_DATA,
    PK_BESIDE_OTHER,
)
