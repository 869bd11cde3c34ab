"""The configuration under which a tree was read: what of it was not said, and what of it KVM's C tests."""

from __future__ import annotations

from collections.abc import Sequence

from mmuproof.cli.shared.console import Output
from mmuproof.cli.shared.results import KernelIdentity
from mmuproof.lift.tree.asked import AskedSymbol


def print_configuration(output: Output, kernel: KernelIdentity, *, verbose: bool, brief: bool = False) -> None:
    """Say in a few lines what was taken for granted of a tree's configuration.

    Args:
        output: where.
        kernel: the tree.
        verbose: whether all of it is told.
        brief: whether one line is enough where the configuration is not the user's.
    """
    config = kernel.configuration
    if config is None:
        return
    unknown = [each for each in kernel.asked if not each.known]
    if brief and not verbose and config.given is None:
        if unknown:
            output.line(f"{len(unknown)} CONFIG_ symbols that KVM's C tests are taken as not set; -v lists them.")
        return
    if config.given is not None:
        output.line(f"Read under the configuration {config.given.file}, sha256 {config.given.digest}.")
    for remark in config.remarks:
        output.line((f"{remark}.", "yellow"))
    if config.taken:
        on = [f"CONFIG_{each.symbol}={each.value}" for each in config.taken if each.value != "n"]
        output.line(
            f"{len(config.taken)} symbols of KVM's Kconfig that are not given take their default: ",
            f"{', '.join(on)}, and the rest is not set" if on else "none is set",
            ":" if verbose else "; -v lists them.",
        )
    for taken in config.taken if verbose else ():
        output.line(f"    {taken}")
    if unknown:
        nothing = "nothing defines" if config.given is None else f"{config.given.file} does not name"
        output.line(
            f"{len(unknown)} CONFIG_ symbols that KVM's C tests and {nothing} are taken as not set",
            ":" if verbose else f" (-v tells where): {', '.join(f'CONFIG_{each.symbol}' for each in unknown)}",
        )
    for each in unknown if verbose else ():
        output.line(f"    CONFIG_{each.symbol}  ", (each.where, "cyan"))


def configuration_content(kernel: KernelIdentity) -> dict[str, object] | None:
    """The same for the results file."""
    config = kernel.configuration
    if config is None:
        return None
    given = config.given
    return {
        "file": given.file if given is not None else None,
        "sha256": given.digest if given is not None else None,
        "remarks": list(config.remarks),
        "defaults": [{"symbol": each.symbol, "value": each.value, "why": each.why} for each in config.taken],
        "tested_by_kvm": {each.symbol: each.value for each in kernel.asked},
        "taken_as_not_set": _places([each for each in kernel.asked if not each.known]),
    }


def _places(asked: Sequence[AskedSymbol]) -> list[dict[str, object]]:
    return [{"symbol": each.symbol, "at": list(each.at)} for each in asked]
