"""Say which kernels are missing that the documentation quotes, before any of it is written anew."""

import sys

from mmuproof.cli.shared.caching import kernels_folder

SERIES = ("6.12", "7.2", "7.3")


def main() -> int:
    """The exit status: whether all are there."""
    missing = [name for name in (f"linux-{each}" for each in SERIES) if not (kernels_folder() / name).is_dir()]
    if missing:
        sys.stderr.write(f"docs: nothing is written: {', '.join(missing)} is not cached: make kernels\n")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
