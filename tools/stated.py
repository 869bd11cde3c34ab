"""Write what later kernels are held to, of the released kernels in the cache.

``proofs/stated.json`` has which parts of which theorems are stated of them, and what of that is not stated without one
of some symbols of the configuration; ``model/lifted/expected.json`` has which names the areas of the lifted tree have
asked for and found.  The kernels are those of ``make kernels``: one tree a series.  With ``--check`` nothing is
written: the exit status says whether the files are current for these series.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from mmuproof.cli.shared.caching import kernels_folder
from mmuproof.cli.shared.process import RECURSION
from mmuproof.lift.errors import Missing
from mmuproof.lift.tree.configuration import base_config
from mmuproof.lift.tree.dot_config import DotConfig
from mmuproof.lift.tree.source import open_source
from mmuproof.model.features import Feature
from mmuproof.model.kvm import Kvm, NotThere
from mmuproof.model.lifted import expected
from mmuproof.model.lifted.kernel import open_kernel
from mmuproof.model.series import number
from mmuproof.proofs import stated
from mmuproof.proofs.catalogue import THEOREMS
from mmuproof.proofs.stated import WITH, kind_of

CHOOSING: Mapping[str, tuple[str, ...]] = {
    "KVM_PROVE_MMU": (),
    "KVM_HYPERV": (),
    "KVM_SMM": (),
    "KVM_GENERIC_MEMORY_ATTRIBUTES": ("KVM_SW_PROTECTED_VM", "KVM_INTEL_TDX", "KVM_AMD_SEV"),
}
"""The symbols of KVM's Kconfig without which something is not stated, those of a vendor's module aside, with those that
select them."""
ROOT = Path(__file__).resolve().parent.parent
STATED, EXPECTED = ROOT / "proofs" / stated.FILE, ROOT / "model" / "lifted" / expected.FILE


def trees() -> Iterator[tuple[str, Path]]:
    """The series in the cache, the oldest first, with their trees."""
    cache = kernels_folder()
    found = {path.name.removeprefix("linux-"): path for path in cache.glob("linux-*") if (path / "Makefile").is_file()}
    yield from sorted(found.items(), key=lambda item: tuple(map(int, item[0].split("."))))


def without(symbol: str) -> DotConfig:
    """Our configuration without one symbol, and without those that select it."""
    values = {**base_config(), **dict.fromkeys((symbol, *CHOOSING[symbol]), "n")}
    return DotConfig(file="", digest="", values=values, lines=dict.fromkeys(values, 0))


def parts(kvm: Kvm) -> Iterator[tuple[str, str]]:
    """Every result with every part that is stated of it."""
    for theorem in THEOREMS:
        for vendor in theorem.vendors:
            if theorem.lacking(kvm, vendor):
                continue
            try:
                claims = theorem.state(kvm, vendor)
            except (NotThere, Missing):
                continue
            for part in dict.fromkeys(kind_of(claim.case.part) for claim in claims):
                yield f"{theorem.name} {vendor.value}", part


def main() -> int:
    """Write the files, or compare them."""
    sys.setrecursionlimit(RECURSION)
    series = dict(trees())
    parts_found: dict[str, dict[str, list[str]]] = {}
    for result, those in _read(STATED).items():
        kept = {part: [each for each in names if each not in series] for part, names in those.items()}
        parts_found[result] = {part: names for part, names in kept.items() if names}
    names_found = {name: those for name, those in _read(EXPECTED).items() if name not in series}
    for name, path in series.items():
        with open_source(str(path)) as tree:
            with open_kernel(tree) as kvm:
                whole = list(parts(kvm))
                for feature in Feature:
                    kvm.has(feature)
                known = [each for each in CHOOSING if each in kvm.config.known]
                names_found[name] = {unit.path: sorted(unit.found) for unit in kvm.every_unit() if unit.found}
            for result, part in whole:
                parts_found.setdefault(result, {}).setdefault(part, []).append(name)
            for symbol in known:
                with open_kernel(tree, given=without(symbol)) as kvm:
                    left = set(parts(kvm))
                for result, part in whole:
                    if (result, part) not in left:
                        parts_found.setdefault(f"{WITH}{symbol}: {result}", {}).setdefault(part, []).append(name)
    ordered = dict(sorted(names_found.items(), key=lambda item: number(item[0])))
    texts = {STATED: _text({result: those for result, those in parts_found.items() if those}), EXPECTED: _text(ordered)}
    if "--check" in sys.argv[1:]:
        return int(any(not place.is_file() or place.read_text("utf-8") != text for place, text in texts.items()))
    for place, text in texts.items():
        place.write_text(text, "utf-8")
    return 0


def _read(place: Path) -> dict[str, dict[str, list[str]]]:
    content: dict[str, dict[str, list[str]]] = json.loads(place.read_text("utf-8")) if place.is_file() else {}
    return content


def _text(content: Mapping[str, object]) -> str:
    """JSON, a line for each name."""
    rows = (f"{json.dumps(name)}: {json.dumps(those, ensure_ascii=False)}" for name, those in content.items())
    return "{\n" + ",\n".join(rows) + "\n}\n"


if __name__ == "__main__":
    sys.exit(main())
