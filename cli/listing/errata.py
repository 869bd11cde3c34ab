"""`mmuproof errata`: errata of processors and open choices of the manuals, and what they touch."""

from __future__ import annotations

from collections.abc import Sequence

from mmuproof.cli.listing.command import ErrataRequest
from mmuproof.cli.listing.theorems import print_entry
from mmuproof.cli.shared.catalogue import Catalogue
from mmuproof.cli.shared.console import Output
from mmuproof.cli.shared.hardware import find_switch, read_hardware
from mmuproof.model.kvm import NotThere
from mmuproof.smt.graph import variables
from mmuproof.spec.errata import REPORTS, Erratum
from mmuproof.spec.hardware import Hardware
from mmuproof.spec.open_choices import OpenChoice


def list_errata(request: ErrataRequest, catalogue: Catalogue, output: Output) -> None:
    """One line for each erratum and open choice, or some of them in full.

    Raises:
        UsageProblem: a name fits nothing, or the file is not understood.
    """
    hardware = read_hardware((), request.errata)
    switches = hardware.switches
    if request.names:
        names = list(dict.fromkeys(find_switch(word, hardware) for word in request.names))
        touched = theorems_touched(hardware, catalogue)
        for index, name in enumerate(names):
            if index:
                output.line()
            _show(switches[name], touched[name], output)
        return
    width = max(len(name) for name in switches)
    for name, switch in switches.items():
        kind = switch.vendor.value if isinstance(switch, Erratum) else "open"
        says = switch.title if isinstance(switch, Erratum) else switch.question
        output.row((name.ljust(width), "bold"), f"  {kind:5}  {says}", whole=False)


def theorems_touched(hardware: Hardware, catalogue: Catalogue) -> dict[str, list[str]]:
    """By erratum and open choice, the theorems of the reference model that speak of it."""
    names = {
        name: {switch.present.name} if isinstance(switch, Erratum) else {switch.decided.name, switch.second.name}
        for name, switch in hardware.switches.items()
    }
    touched: dict[str, list[str]] = {name: [] for name in names}
    kvm = catalogue.reference().kvm
    for theorem in catalogue.theorems():
        used: set[str] = set()
        for vendor in theorem.vendors:
            try:
                claims = theorem.state(kvm, vendor)
            except NotThere:
                continue
            for claim in claims:
                obligation = claim.on(hardware).obligation
                used |= set(variables(obligation.premise, obligation.claim))
        for name, own in names.items():
            if own & used:
                touched[name].append(theorem.name)
    return touched


def _show(switch: Erratum | OpenChoice, theorems: Sequence[str], output: Output) -> None:
    if isinstance(switch, Erratum):
        output.line((switch.name, "bold"), f"  erratum, {switch.vendor.value}")
        output.line(f"  {switch.title}")
        print_entry(output, "When", [switch.condition])
        print_entry(output, "Differs", [switch.may_differ])
        if switch.report:
            when = f", when {' and '.join(switch.when)}" if switch.when else ""
            title = REPORTS[switch.report].title
            print_entry(output, "Report", [f"{title}: {', '.join(switch.fields)}{when}"])
    else:
        output.line((switch.name, "bold"), "  open choice")
        output.line(f"  {switch.question}")
        for word, reading in zip(("off", "on"), switch.readings, strict=True):
            print_entry(output, word, [reading])
        if switch.followed is not None:
            followed = "on" if switch.followed else "off"
            print_entry(output, "", [f"The specification follows the reading {followed!r}, and cannot be switched."])
    print_entry(output, "Source", [switch.source])
    print_entry(output, "Touches", theorems or ["no theorem: no verdict depends on it"])
