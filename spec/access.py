"""What an access does to memory, before any translation stage judges it."""

from __future__ import annotations

from dataclasses import dataclass

from mmuproof.smt.terms import FALSE, TRUE, Bool, any_of


@dataclass(frozen=True)
class Access:
    """One memory access.

    A read-modify-write access is a read and a write.  A fetch of instructions is no data read, so it needs
    no read permission (SDM 31.3.3.2).  Data access and fetch do not mix in one access.

    Attributes:
        read: the access reads data.
        write: the access writes data.
        fetch: the access fetches instructions.
    """

    read: Bool
    write: Bool
    fetch: Bool

    @property
    def data(self) -> Bool:
        """Whether the access reads or writes data."""
        return any_of(self.read, self.write)


DATA_READ = Access(read=TRUE, write=FALSE, fetch=FALSE)
DATA_WRITE = Access(read=FALSE, write=TRUE, fetch=FALSE)
READ_MODIFY_WRITE = Access(read=TRUE, write=TRUE, fetch=FALSE)
INSTRUCTION_FETCH = Access(read=FALSE, write=FALSE, fetch=TRUE)
