"""What was judged, of a kernel tree."""

from __future__ import annotations

from mmuproof.cli.shared.results import KernelIdentity
from mmuproof.lift.tree.asked import asked_symbols, left_out
from mmuproof.lift.tree.configuration import Configuration
from mmuproof.lift.tree.source import KernelTree
from mmuproof.model.lifted.unit_paths import MMU_UNITS, UNITS


def kernel_identity(source: str, tree: KernelTree, config: Configuration, digest: str) -> KernelIdentity:
    """What a report says of a tree, which has to be open.

    Args:
        source: what the user called it.
        tree: the tree.
        config: the configuration under which it was read.
        digest: that of the tree; empty if nobody asks for it.
    """
    asked = asked_symbols(tree.root, dict.fromkeys((*UNITS, *MMU_UNITS)), config)
    return KernelIdentity(
        source=source,
        version=tree.version,
        config=config.lines,
        configuration=config,
        asked=asked,
        left_out=left_out(tree.root, config, asked),
        digest=digest,
    )
