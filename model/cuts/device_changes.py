"""The calls that are made when devices come and go, and that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common

ADD = tuple(
    Cut(function=name, reason="counts; what, and by how much, is looked at")
    for name in ("arch_atomic_add_return", "arch_atomic_inc", "arch_atomic_dec")
)
ZAP = Cut(
    function="kvm_zap_gfn_range",
    reason="zaps the SPTEs of a range, by slot.gone and spte.flush; that it is called, and for which, is looked at",
    elsewhere=("*",),
)
CUTS: tuple[Cut, ...] = (*common.CUTS, *ADD, ZAP)
