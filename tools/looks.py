"""Write `compare/looks.json`, of the released kernels in the cache: by what later trees' new names are told.

The names are those that stand in the sources of `model/`. Only the two newest kernels are looked at: trees that rename
things come after them.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from mmuproof.compare.looks import FILE, looks_of
from mmuproof.lift.tree.kvm_text import defined_with_arguments, macros_of_kvm, words_of_kvm
from mmuproof.lift.tree.source import open_source
from mmuproof.model.lifted.kernel import open_kernel
from tools.stated import ROOT, trees

_NEWEST = 2
_WORD = re.compile(r"[A-Za-z_]\w*")


def main() -> int:
    """Write the file."""
    words = {word for file in (ROOT / "model").rglob("*.py") for word in _WORD.findall(file.read_text("utf-8"))}
    # Vendors' operations are called through trampolines.
    wanted = words | {f"__SCT__{word}" for word in words}
    rows = []
    for series, path in [*trees()][-_NEWEST:]:
        with open_source(str(path)) as tree, open_kernel(tree, ahead=True) as kvm:
            looks = looks_of(
                kvm.every_unit(),
                wanted,
                macros_of_kvm(tree.root),
                words_of_kvm(tree.root),
                defined_with_arguments(tree.root),
            )
        rows.append(f"{json.dumps(series)}: {json.dumps(looks.content)}")
    Path(ROOT / "compare" / FILE).write_text("{\n" + ",\n".join(rows) + "\n}\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
