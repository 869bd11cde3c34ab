"""What the manuals leave open, as data.

Most choices are parameters: a proof that leaves the parameter free holds whichever reading is right.  A bit of a
report that is open can have any value.  For some choices the specification follows one reading, and says which.

Somebody who knows which reading is right can say so: `OpenChoice.decided` and `OpenChoice.second` are truth values
for that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mmuproof.smt.terms import FALSE, TRUE, Bool, all_of, any_of, bool_var, ite


@dataclass(frozen=True, kw_only=True)
class OpenChoice:
    """A question that the manual does not answer.

    Exactly one of ``parameter``, ``report_field`` and ``followed`` is given.

    Attributes:
        name: the name used in this package.
        question: what is open.
        readings: the possible answers; for a parameter, first what False and then what True means.
        source: where the manual is silent or contradicts itself.
        function: the function concerned, with its module, below ``mmuproof.spec``.
        parameter: the parameter of that function which chooses, a truth value.
        report_field: the field of a report that the choice leaves undefined; ``function`` says what is reported.
        followed: which of ``readings`` the function follows, 0 or 1.
    """

    name: str
    question: str
    readings: tuple[str, str]
    source: str
    function: str
    parameter: str | None = None
    report_field: str | None = None
    followed: int | None = None

    @property
    def decided(self) -> Bool:
        """Whether it is taken as known which reading is right."""
        return bool_var(f"{self.name} is decided")

    @property
    def second(self) -> Bool:
        """Whether the second reading is right, where that is known."""
        return bool_var(f"{self.name} has its second reading")

    @property
    def reading(self) -> Bool:
        """Whether to speak of the second reading: if it is known to be right, and of the first otherwise."""
        return all_of(self.decided, self.second)

    def either(self, right: Callable[[Bool], Bool]) -> Bool:
        """Whether something is right under the reading that is known, or under one of the two if none is.

        Args:
            right: whether it is right, given whether the second reading holds.
        """
        return ite(self.decided, right(self.second), any_of(right(FALSE), right(TRUE)))


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

GMET_USER_FLAG_OF_DATA = OpenChoice(
    name="GMET_USER_FLAG_OF_DATA",
    question="With GMET, what is US of EXITINFO1 for a nested page fault that is not on a fetch?",
    readings=("1: only a fetch is judged by the privilege level", "1 at privilege level 3 and 0 below"),
    source="APM 15.25.6 against 15.25.13",
    function="nested_page_fault.user_access",
    report_field="user",
)

READ_BIT_OF_READ_MODIFY_WRITE = OpenChoice(
    name="READ_BIT_OF_READ_MODIFY_WRITE",
    question="Does an EPT violation of a read-modify-write instruction set bit 0 of the exit qualification?",
    readings=("no: only bit 1 is set", "yes: bits 0 and 1 are set"),
    source="SDM 30.2.1, Table 30-7: the implementation's choice, which may vary by instruction",
    function="ept_violation.reported",
    report_field="data-read",
)

OPEN_CHOICES: tuple[OpenChoice, ...] = (
    EPT_1G_MEMORY_TYPE,
    GMET_WITHOUT_NXE,
    GMET_SUPERVISOR_PAGE_DATA,
    PK_BESIDE_OTHER,
    GMET_USER_FLAG_OF_DATA,
    READ_BIT_OF_READ_MODIFY_WRITE,
)
