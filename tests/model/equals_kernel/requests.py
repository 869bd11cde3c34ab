"""What a guest asks of an MMU, all of it free."""

from __future__ import annotations

from mmuproof.model.reserved_bits import MmuRequest
from mmuproof.smt.terms import bool_var, var


def request(when: str) -> MmuRequest:
    """A request whose inputs are named after a time."""
    return MmuRequest(
        cr0=var(f"cr0 {when}", 64),
        cr4=var(f"cr4 {when}", 64),
        efer=var(f"efer {when}", 64),
        execonly=bool_var(f"execonly {when}"),
        accessed_dirty=bool_var(f"A/D {when}"),
        mbec=bool_var(f"mbec {when}"),
        eptp=var(f"eptp {when}", 64),
        gmet=bool_var(f"gmet {when}"),
    )
