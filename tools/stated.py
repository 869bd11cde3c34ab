"""Write ``proofs/stated.json``: which parts of which theorems are stated of the released kernels in the cache.

The kernels are those of ``make kernels``: one tree a series.  What is not stated without one of some symbols of the
configuration is written as well.  With ``--check`` nothing is written: the exit status says
whether the file is current, for the series that are there.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import platformdirs

from mmuproof.lift.errors import Missing
from mmuproof.lift.tree.configuration import base_config
from mmuproof.lift.tree.dot_config import DotConfig
from mmuproof.lift.tree.source import open_source
from mmuproof.model.kvm import Kvm, NotThere
from mmuproof.model.lifted.kernel import open_kernel
from mmuproof.proofs.catalogue import THEOREMS
from mmuproof.proofs.stated import FILE, WITH, kind_of

CHOOSING = ("KVM_PROVE_MMU", "KVM_HYPERV")
"""The symbols of KVM's Kconfig without which something is not stated, those of a vendor's module aside."""
PLACE = Path(__file__).resolve().parent.parent / "proofs" / FILE


def trees() -> Iterator[tuple[str, Path]]:
    """The series in the cache, the oldest first, with their trees."""
    cache = Path(os.environ.get("MMUPROOF_KERNELS") or platformdirs.user_cache_path("mmuproof") / "kernels")
    found = {path.name.removeprefix("linux-"): path for path in cache.glob("linux-*") if (path / "Makefile").is_file()}
    yield from sorted(found.items(), key=lambda item: tuple(map(int, item[0].split("."))))


def without(symbol: str) -> DotConfig:
    """Our configuration, with one symbol that is not set."""
    values = {**base_config(), symbol: "n"}
    return DotConfig(file="", digest="", values=values, lines=dict.fromkeys(values, 0))


def parts(kvm: Kvm) -> Iterator[tuple[str, str]]:
    """Every result with every part that is stated of it."""
    for theorem in THEOREMS:
        for vendor in theorem.vendors:
            try:
                claims = theorem.state(kvm, vendor)
            except (NotThere, Missing):
                continue
            for part in dict.fromkeys(kind_of(claim.case.part) for claim in claims):
                yield f"{theorem.name} {vendor.value}", part


def main() -> int:
    """Write the file, or compare it."""
    found: dict[str, dict[str, list[str]]] = {}
    series = dict(trees())
    if PLACE.is_file():
        for result, those in json.loads(PLACE.read_text("utf-8")).items():
            kept = {part: [each for each in names if each not in series] for part, names in those.items()}
            found[result] = {part: names for part, names in kept.items() if names}
    for name, path in series.items():
        with open_source(str(path)) as tree:
            with open_kernel(tree) as kvm:
                whole = list(parts(kvm))
                known = [each for each in CHOOSING if each in kvm.config.known]
            for result, part in whole:
                found.setdefault(result, {}).setdefault(part, []).append(name)
            for symbol in known:
                with open_kernel(tree, given=without(symbol)) as kvm:
                    left = set(parts(kvm))
                for result, part in whole:
                    if (result, part) not in left:
                        found.setdefault(f"{WITH}{symbol}: {result}", {}).setdefault(part, []).append(name)
    rows = (
        f"{json.dumps(result)}: {json.dumps(those, ensure_ascii=False)}" for result, those in found.items() if those
    )
    text = "{\n" + ",\n".join(rows) + "\n}\n"
    if "--check" in sys.argv[1:]:
        return int(not PLACE.is_file() or PLACE.read_text("utf-8") != text)
    PLACE.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
