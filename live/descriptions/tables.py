"""Page tables, made of the entries that a description has and of those that a guest needs for itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from mmuproof.live.descriptions.description import TableEntry
from mmuproof.live.descriptions.geometry import TableGeometry, leads_on
from mmuproof.live.descriptions.layout import PAGE
from mmuproof.live.guests.paging import PS
from mmuproof.live.guests.steps import Poke, Step


@dataclass
class PageTables:
    """Tables that grow: an entry brings those above it along, which grant all.

    Args:
        shape: of the tables.
        next_free: where the next table goes for which no place is said; the root goes there first.
        values: the entries by their guest-physical address.
        places: by level and the address's part above it, where each table is.
    """

    shape: TableGeometry
    next_free: int
    values: dict[int, int] = field(default_factory=dict)
    places: dict[tuple[int, int], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.places[self.shape.levels, 0] = self._new()

    @property
    def root(self) -> int:
        """Where the root is."""
        return self.places[self.shape.levels, 0]

    def add(self, entries: Iterable[TableEntry]) -> None:
        """Put entries in, the highest first, so that each finds its table."""
        chosen = sorted(entries, key=lambda entry: -entry.level)
        for entry in chosen:
            self._put(entry, leads_on(entry, chosen, self.shape))

    def steps(self) -> tuple[Step, ...]:
        """The tables as bytes of memory."""
        return tuple(self._pokes())

    def place_of(self, level: int, address: int) -> int:
        """Where the entry of a level is that translates an address."""
        return self._table(level, address) + self.shape.entry_size * self.shape.index(level, address)

    def _put(self, entry: TableEntry, below: bool) -> None:
        level, to = entry.level, entry.to
        if below:
            to = self._new() if to is None else to
            self.places[level - 1, self._part(level, entry.of)] = to
        frame = 0 if to is None else self.shape.frame_bits(to, level, level > 1 and bool(entry.bits & PS) and not below)
        self.values[self.place_of(level, entry.of)] = frame | entry.bits

    def _table(self, level: int, address: int) -> int:
        key = (level, 0 if level == self.shape.levels else self._part(level + 1, address))
        if key not in self.places:
            self.places[key] = self._new()
            self.values[self.place_of(level + 1, address)] = self.places[key] | self.shape.link_bits(level + 1)
        return self.places[key]

    def _part(self, level: int, address: int) -> int:
        """What of an address the entries of a level and above look at."""
        mask = (1 << self.shape.index_bits * (self.shape.levels - level + 1)) - 1
        return address >> self.shape.shift(level) & mask

    def _new(self) -> int:
        place, self.next_free = self.next_free, self.next_free + PAGE
        return place

    def _pokes(self) -> Iterator[Step]:
        """Entries that follow each other go together."""
        size, start, content = self.shape.entry_size, 0, b""
        for gpa in sorted(self.values):
            if content and gpa != start + len(content):
                yield Poke(start, content)
                content = b""
            start = start if content else gpa
            content += self.values[gpa].to_bytes(size, "little")
        yield Poke(start, content)
