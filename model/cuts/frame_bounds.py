"""The calls of finding where walks end that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common

CUTS: tuple[Cut, ...] = common.CUTS
