"""For which hardware KVM runs its MMU."""

from __future__ import annotations

import enum


class Vendor(enum.Enum):
    """The three kinds of tables that KVM builds."""

    INTEL = "intel"
    """Intel EPT."""
    AMD = "amd"
    """AMD nested paging."""
    SHADOW = "shadow"
    """Shadow paging without either."""
