"""All tries, and why some findings have none."""

from __future__ import annotations

from mmuproof.live.trial import LiveTry
from mmuproof.live.tries import svm

TRIES: tuple[LiveTry, ...] = svm.TRIES
