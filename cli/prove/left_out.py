"""What the configuration of a kernel leaves out of KVM, and what is not stated for that reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mmuproof.model.vendor import Vendor
from mmuproof.proofs.stated import stated_with

_MODULES = {Vendor.INTEL: "KVM_INTEL", Vendor.AMD: "KVM_AMD"}


@dataclass(frozen=True)
class LeftOut:
    """What a configuration leaves out.

    Args:
        symbols: the symbols of KVM's Kconfig that are not set and that choose code, each with where that is said.
    """

    symbols: Mapping[str, str] = field(default_factory=dict)

    def module(self, vendor: Vendor) -> str | None:
        """Why there is no code for a vendor's processors; None if there is."""
        return self.symbols.get(_MODULES.get(vendor, ""))

    def parts(self, theorem: str, vendor: Vendor) -> Mapping[str, str]:
        """The parts of a theorem that speak of code that is left out, each with why it is."""
        return {part: why for symbol, why in self.symbols.items() for part in stated_with(symbol, theorem, vendor)}
