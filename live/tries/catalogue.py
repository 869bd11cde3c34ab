"""All tries, and why some findings have none."""

from __future__ import annotations

from mmuproof.live.trial import LiveTry
from mmuproof.live.tries import shadow, svm, vmx

TRIES: tuple[LiveTry, ...] = (*svm.TRIES, *vmx.TRIES, *shadow.TRIES)
