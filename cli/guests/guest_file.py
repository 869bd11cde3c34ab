"""`mmuproof prove --guest FILE`: a counterexample as a guest that leads to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mmuproof.cli.guests import entries, exits, made_sptes, others, own_accesses, rights, table_use, walks
from mmuproof.cli.guests.reasons import WITHOUT_GUEST
from mmuproof.cli.guests.told import NoGuestError, ToldInputs
from mmuproof.cli.shared.console import Output
from mmuproof.cli.shared.json_file import write_text
from mmuproof.cli.shared.results import Result
from mmuproof.live.descriptions.description import GuestDescription
from mmuproof.live.descriptions.sense import why_senseless
from mmuproof.live.descriptions.writing import description_text
from mmuproof.smt.obligation import Verdict

MAKERS: Mapping[str, Callable[[ToldInputs], GuestDescription]] = {
    "acc.one-to-one": made_sptes.used_spte,
    "entry.reserved-paging64": entries.guest_entry,
    "entry.reserved-pae": entries.guest_entry,
    "entry.reserved-paging32": entries.guest_entry,
    "entry.reserved-npt": entries.npt_entry,
    "entry.reserved-ept": entries.ept_entry,
    "entry.misconfig": entries.ept_entry,
    "entry.shadow-reserved": others.reserved_spte,
    "exec-only.spte": made_sptes.used_spte,
    "exit.ept-violation": exits.taken_for_another,
    "exit.injected-npf": own_accesses.injected_fault,
    "exit.injected-qualification": others.injected_qualification,
    "nested.judgement": own_accesses.judged,
    "nested.non-gmet-user": own_accesses.supervisor_in_npt,
    "nested.one-stage-bit": own_accesses.told_stage,
    "nested.structure-access": others.structure_access,
    "nested.user-address": own_accesses.user_address,
    "permission.paging": rights.paging_rights,
    "permission.pkeys": rights.paging_rights,
    "permission.ept": rights.ept_rights,
    "permission.ept-mbec": rights.ept_rights,
    "permission.npt": rights.npt_rights,
    "permission.npt-gmet": rights.npt_rights,
    "role.fetch-flag": others.fetch_flag,
    "spte.no-warning": others.empty_spte,
    "spte.permissions": made_sptes.used_spte,
    "walk.clean": walks.clean_entry,
    "walk.end": walks.end_of_walk,
    "walk.fetch-flag": others.fetch_flag,
    "walk.flags": table_use.marked,
    "walk.granted": walks.granted,
    "walk.own-access": own_accesses.told_access,
    "walk.reached": walks.reached,
    "walk.reported": walks.reported,
    "walk.translated": table_use.translated,
}
"""By theorem, what makes a guest of its counterexample."""


def guest_of_result(result: Result) -> GuestDescription:
    """The guest that leads to a result's counterexample.

    Raises:
        NoGuestError: none does; with the reason.
    """
    if result.counterexample is None:
        raise NoGuestError("there is no counterexample")
    maker = MAKERS.get(result.theorem)
    if maker is None:
        raise NoGuestError(WITHOUT_GUEST.get(result.theorem, "it is about no walk, exit, nested translation or SPTE"))
    made = maker(ToldInputs(result))
    finding = result.known[0] if len(result.known) == 1 else None
    made = replace(made, finding=finding)
    wrong = why_senseless(made)
    if wrong:
        raise NoGuestError(f"described guests cannot be so: {wrong[0]}: {wrong[1]}")
    return made


def write_guest(results: Sequence[Result], file: Path, console: Output) -> None:
    """Write the guest of the first counterexample for which there is one, and tell of each.

    Raises:
        UsageProblem: the file could not be written.
    """
    refuted = [each for each in results if each.verdict is Verdict.REFUTED]
    if not refuted:
        console.line(f"No guest is written to {file}: nothing is REFUTED.")
    written = False
    for each in refuted:
        name = f"{each.theorem} {each.vendor.value}"
        try:
            guest = guest_of_result(each)
        except NoGuestError as reason:
            console.line(f"No guest for {name}: {reason}.")
            continue
        if written:
            console.line(f"There is a guest for {name} as well: prove it alone.")
            continue
        write_text(file, description_text(guest))
        written = True
        console.line(f"A guest for {name} is in {file}; tools/live.py --guest {file} runs it.")
        for said in guest.cannot:
            console.line(f"    No guest can set: {said}.")
