"""Numbers whose bits stand for the same things in two versions, but in other places: SPTEs and access masks.

A number is known by its name: the kernel calls an SPTE ``spte`` and an access mask ``access`` wherever there is one.
What the bits stand for is known by the names of constants, and by those of the masks that are set up.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from mmuproof.compare.usual import NAMES as BOUNDS
from mmuproof.lift.errors import UnlistedConstant
from mmuproof.lift.parsing.unit import ConstantNames
from mmuproof.model.named.spte_masks import ALL as MASKS
from mmuproof.smt.terms import BitVec, bit, bv, ite, ne, to_bv, var


class Kind(enum.Enum):
    """What a number is."""

    SPTE = "SPTE"
    ACCESS = "ACC_*"
    ACCESS_SET = "bits by ACC_*"
    """A word whose bit number n speaks of the access mask n, as an element of ``permissions[]`` does."""


_SPTE = re.compile(r"(?:^|_)sptes?$|^sptep$|^spt\[\d+\]$|_spte\(\)(?:#\d+)?$|(?:^|_)spte_\w+\(\)(?:#\d+)?$")
_SPTE_MASK = re.compile(r"^(?:set|clear)$|shadow_zero_check\.rsvd_bits_mask\[")
_ACCESS = re.compile(r"^(?:\w+_)?access$|_access\(\)(?:#\d+)?$")
_ACCESS_BITS = 32
_ACCESS_SET = re.compile(r"^permissions\[\d+\]$")
_SEPARATORS = re.compile(r"->|\.")


# A run asks of a few thousand names, of each again and again.
@lru_cache(maxsize=1 << 14)
def kind_of(name: str, width: int) -> Kind | None:
    """What a number of this name is, None if it is of no kind that has an encoding."""
    name = name.partition(" after ")[0].lstrip("*")
    last = _SEPARATORS.split(name)[-1]
    if width == 64 and (_SPTE.search(last) or _SPTE_MASK.search(name)):
        return Kind.SPTE
    # An access of 64 bits is what somebody wants to do, as an error code says it.
    if _ACCESS.search(last) and width <= _ACCESS_BITS:
        return Kind.ACCESS
    return Kind.ACCESS_SET if _ACCESS_SET.search(last) else None


@lru_cache(maxsize=1 << 14)
def kinds_of(name: str) -> frozenset[Kind]:
    """What numbers of this name are, of whatever width."""
    return frozenset(kind for width in (_ACCESS_BITS, 64) if (kind := kind_of(name, width)) is not None)


@dataclass(frozen=True)
class Move:
    """What some bits stand for, and where they are in both versions; one bit may become several."""

    name: str
    old: int
    new: int


@dataclass(frozen=True)
class Encoding:
    """How an old number becomes a new one.

    Args:
        kind: what kind of number it is.
        moves: the bits that are elsewhere; all others stay where they are.
        sets: bits that are always set in the new version.
        notes: the encoding in words.
    """

    kind: Kind
    moves: tuple[Move, ...]
    sets: int = 0
    notes: tuple[str, ...] = ()

    def encode(self, value: BitVec) -> BitVec:
        """The new number that an old one stands for, of the same width."""
        width = value.width
        full = (1 << width) - 1
        moved = 0
        for move in self.moves:
            moved |= move.old | move.new
        result = value & (full & ~moved) | (self.sets & full)
        for move in (*self.moves, *self._displaced):
            result = result | _moved(value, move)
        return result

    def moved(self, width: int, *, new: bool) -> int:
        """The bits of an old number, or of a new one, that are elsewhere in the other."""
        bits = self.sets if new else 0
        for move in (*self.moves, *self._displaced):
            if move.old != move.new:
                bits |= move.new if new else move.old
        return bits & (1 << width) - 1

    @cached_property
    def _displaced(self) -> tuple[Move, ...]:
        """What was where something is now goes to where something was, so that no number stands for two."""
        before = [bit_ for move in self.moves for bit_ in _ones(move.old)]
        after = [bit_ for move in self.moves for bit_ in _ones(move.new)]
        if self.sets or len(before) != len(after) or len(set(after)) != len(after) or len(set(before)) != len(before):
            return ()
        taken, left = sorted(set(after) - set(before)), sorted(set(before) - set(after))
        return tuple(Move("", 1 << old, 1 << new) for old, new in zip(taken, left, strict=True))

    def left_out(self, width: int) -> int:
        """The bits of a new number about which the old one says nothing."""
        return 0


@dataclass(frozen=True, kw_only=True)
class SetEncoding(Encoding):
    """The same for a word that has a bit for each access mask of ``elements``; ``inner`` encodes these."""

    inner: Encoding | None = None
    elements: int = 8

    def encode(self, value: BitVec) -> BitVec:
        """See `Encoding.encode`; bits that stand for no old access mask are unknown in an input and 0 in an output."""
        width = value.width
        result = bv(0, width)
        for index in range(min(self.elements, width)):
            new = self.new_index(index)
            if new < width:
                result = result | (to_bv(bit(value, index), width) << new)
        return result

    def moved(self, width: int, *, new: bool) -> int:
        """See `Encoding.moved`."""
        return (1 << width) - 1

    def new_index(self, index: int) -> int:
        """The access mask that an old one has become."""
        assert self.inner is not None
        return self.inner.encode(bv(index, 8)).value

    def left_out(self, width: int) -> int:
        """See `Encoding.left_out`."""
        known = sum(1 << new for new in {self.new_index(index) for index in range(self.elements)} if new < width)
        return (1 << width) - 1 & ~known


def _moved(value: BitVec, move: Move) -> BitVec:
    width = value.width
    if move.old >> width or move.new >> width:
        full = (1 << width) - 1
        move = Move(move.name, move.old & full, move.new & full)
    if not move.old or not move.new:
        return bv(0, width)
    if move.old.bit_count() == 1:
        return ite(ne(value & move.old, 0), bv(move.new, width), bv(0, width))
    low, there = _low(move.old), _low(move.new)
    part = value & move.old
    return part << (there - low) if there >= low else part >> (low - there)


def _ones(mask: int) -> Iterator[int]:
    return (index for index in range(mask.bit_length()) if mask >> index & 1)


def _low(mask: int) -> int:
    return (mask & -mask).bit_length() - 1


@dataclass(frozen=True)
class Bits:
    """Where one version has its bits: the values of constants, and of masks that are set up, by name."""

    constants: Mapping[str, int]
    masks: Mapping[str, BitVec]

    def under(self, names: Mapping[str, str]) -> Bits:
        """The same with some masks under further names as well: what they are called in another version."""
        others = {other: self.masks[name] for name, other in names.items() if name in self.masks}
        return Bits(self.constants, {**self.masks, **others})

    def of(self, name: str) -> int | None:
        """The value under a name, if it is known to be one number.

        Raises:
            UnlistedConstant: it is neither a mask nor one of the constants that are looked up.
        """
        if name in MASKS:
            mask = self.masks.get(name)
            return mask.value if mask is not None and mask.is_const else None
        if name not in CONSTANTS.names:
            raise UnlistedConstant(name, CONSTANTS.listed_in)
        return self.constants.get(name)


_SPTE_FIELDS = (
    ("the A/D type", "SPTE_TDP_AD_MASK"),
    ("host-writable", "shadow_host_writable_mask"),
    ("MMU-writable", "shadow_mmu_writable_mask"),
)
_ACCESS_FIELDS = ("ACC_READ_MASK", "ACC_WRITE_MASK", "ACC_EXEC_MASK", "ACC_USER_MASK")
_SAVED, _SAVED_SHIFT = "SHADOW_ACC_TRACK_SAVED_BITS_MASK", "SHADOW_ACC_TRACK_SAVED_BITS_SHIFT"
CONSTANTS = ConstantNames(
    (
        *_ACCESS_FIELDS,
        "ACC_USER_EXEC_MASK",
        "SPTE_MMU_PRESENT_MASK",
        "SPTE_TDP_AD_DISABLED",
        "SPTE_TDP_AD_MASK",
        "SPTE_TDP_AD_WRPROT_ONLY",
        "FROZEN_SPTE",
        "REMOVED_SPTE",
        _SAVED,
        _SAVED_SHIFT,
        *BOUNDS,
    ),
    "compare/encodings.py",
)
"""The constants by which bits and SPTEs are known, and those that are bounds of inputs."""


def spte_encoding(old: Bits, new: Bits) -> Encoding | None:
    """How SPTEs have changed; None if they have not, as far as it is known."""
    moves = [
        Move(name, before, after)
        for name, field in _SPTE_FIELDS
        if (before := old.of(field)) is not None
        and (after := new.of(field)) is not None
        and before != after
        and before.bit_count() == after.bit_count()
    ]
    split = _split(old, new)
    moves += [split] if split is not None else []
    moves += _saved(old, new, split)
    if not moves:
        return None
    return Encoding(Kind.SPTE, tuple(moves), notes=tuple(f"SPTE: {_told(move)}" for move in moves))


def _split(old: Bits, new: Bits) -> Move | None:
    """One execute bit that has become two."""
    before, xs, xu = old.of("shadow_x_mask"), new.of("shadow_xs_mask"), new.of("shadow_xu_mask")
    if before and xs and xu and before == xs:
        return Move("X, as XS and XU", before, xs | xu)
    return None


def _saved(old: Bits, new: Bits, split: Move | None) -> Iterator[Move]:
    """The bits in which access tracking saves R and X."""
    masks = [(bits.of(_SAVED), bits.of(_SAVED_SHIFT)) for bits in (old, new)]
    (before, shift), (after, new_shift) = masks
    if before is None or shift is None or after is None or new_shift is None:
        return
    for index in range(64):
        if not before >> index & 1:
            continue
        new_bits = after & (split.new if split is not None and split.old == 1 << index else 1 << index)
        if new_bits and new_bits << new_shift != 1 << index << shift:
            yield Move(f"saved bit {index}", 1 << index << shift, new_bits << new_shift)


def access_encodings(old: Bits, new: Bits) -> tuple[Encoding, ...]:
    """The ways in which access masks may have changed: by the names of their bits, and as EPT reads them.

    Before there was a bit for reading, EPT had what it could read in the user bit, and everything else was readable.
    """
    moves = tuple(
        Move(name, before, after)
        for name in _ACCESS_FIELDS
        if (before := old.of(name)) is not None and (after := new.of(name)) is not None
    )
    if all(move.old == move.new for move in moves) and old.of("ACC_READ_MASK") == new.of("ACC_READ_MASK"):
        return ()
    read, user, execute = new.of("ACC_READ_MASK"), old.of("ACC_USER_MASK"), new.of("ACC_EXEC_MASK")
    if old.of("ACC_READ_MASK") is not None or read is None:
        return (Encoding(Kind.ACCESS, moves, notes=tuple(f"access: {_told(m)}" for m in moves if m.old != m.new)),)
    plain = Encoding(
        Kind.ACCESS,
        moves,
        read,
        (*(f"access: {_told(m)}" for m in moves if m.old != m.new), "access: ACC_READ_MASK is set"),
    )
    if user is None or execute is None:
        return (plain,)
    both = execute | (new.of("ACC_USER_EXEC_MASK") or 0)
    ept = tuple(
        Move("ACC_USER_MASK, as ACC_READ_MASK", user, read)
        if move.old == user
        else Move("ACC_EXEC_MASK, as ACC_EXEC_MASK and ACC_USER_EXEC_MASK", move.old, both)
        if move.new == execute
        else move
        for move in moves
    )
    return plain, Encoding(Kind.ACCESS, ept, notes=tuple(f"access: {_told(m)}" for m in ept if m.old != m.new))


def set_encoding(inner: Encoding) -> Encoding:
    """How a word changes that has a bit for each access mask."""
    notes = ("permissions[]: one bit for each access mask", *inner.notes)
    return SetEncoding(kind=Kind.ACCESS_SET, moves=(), notes=notes, inner=inner)


def _told(move: Move) -> str:
    return f"{move.name} is in {_bits(move.new)} instead of {_bits(move.old)}"


def _bits(mask: int) -> str:
    numbers = [str(index) for index in range(64) if mask >> index & 1]
    return f"bit {numbers[0]}" if len(numbers) == 1 else f"bits {', '.join(numbers)}"


def unknown_rest(name: str, value: BitVec, left_out: int) -> BitVec:
    """An encoded input whose bits of ``left_out`` are unknown."""
    if not left_out:
        return value
    return value & ~left_out | var(f"{name} (what is new in it)", value.width) & left_out


def moved_kinds(old: Bits, new: Bits) -> frozenset[Kind]:
    """The kinds of numbers whose bits are elsewhere."""
    kinds: set[Kind] = set()
    if spte_encoding(old, new) is not None:
        kinds.add(Kind.SPTE)
    if access_encodings(old, new):
        kinds |= {Kind.ACCESS, Kind.ACCESS_SET}
    return frozenset(kinds)
