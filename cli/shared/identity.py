"""What was judged, of a kernel tree."""

from __future__ import annotations

from pathlib import Path

from mmuproof.cli.shared.results import KernelIdentity
from mmuproof.cli.shared.unusable import unusable
from mmuproof.lift.errors import SourceError
from mmuproof.lift.tree.configuration import Configuration
from mmuproof.lift.tree.dot_config import DotConfig, read_dot_config
from mmuproof.lift.tree.source import KernelTree
from mmuproof.lift.tree.tested import tested_symbols
from mmuproof.model.lifted.unit_paths import MMU_UNITS, UNITS


def given_config(file: Path | None) -> DotConfig | None:
    """The user's configuration, if there is one.

    Raises:
        UsageProblem: it cannot be used.
    """
    try:
        return None if file is None else read_dot_config(file.expanduser())
    except SourceError as error:
        raise unusable(error) from None


def kernel_identity(source: str, tree: KernelTree, config: Configuration, digest: str) -> KernelIdentity:
    """What a report says of a tree, which has to be open.

    Args:
        source: what the user called it.
        tree: the tree.
        config: the configuration under which it was read.
        digest: that of the tree; empty if nobody asks for it.
    """
    return KernelIdentity(
        source=source,
        version=tree.version,
        config=config.lines,
        configuration=config,
        tested=tested_symbols(tree.root, dict.fromkeys((*UNITS, *MMU_UNITS)), config),
        digest=digest,
    )
