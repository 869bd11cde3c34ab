"""Entries of ordinary paging bit by bit (SDM 5.3 to 5.5, APM 5.2 to 5.4).

Intel and AMD differ in one bit of the long-mode entries: bit 8 of a PML4E or PML5E is ignored on Intel and
has to be 0 on AMD.  Level 3 of PAE paging is the page-directory-pointer table, whose entries carry no
rights.  Not described: bit 11 under HLAT paging, and shadow-stack pages.
"""

from __future__ import annotations

from mmuproof.spec.entry_layout import Control, EntryField, EntryFormat, EntryKind, EntryShape, Use

PRESENT_BIT = 0
WRITABLE_BIT = 1
USER_BIT = 2
PAGE_SIZE_BIT = 7
EXECUTE_DISABLE_BIT = 63
PROTECTION_KEY_LOW, PROTECTION_KEY_HIGH = 59, 62

PML5E, PML4E = EntryShape(5, False), EntryShape(4, False)
PDPTE, PDE = EntryShape(3, False), EntryShape(2, False)
PAGE_1G, LARGE_PAGE, PTE = EntryShape(3, True), EntryShape(2, True), EntryShape(1, True)

_LONG_MODE_SOURCE = "SDM 5.5, APM 5.3"
_PAE_SOURCE = "SDM 5.4, APM 5.2.3"
_32BIT_SOURCE = "SDM 5.3, APM 5.2.2"

_TOP = frozenset({PML5E, PML4E})
_LONG_POINTS = _TOP | {PDPTE, PDE}
_LONG_MAPS = frozenset({PAGE_1G, LARGE_PAGE, PTE})
_LONG_EVERY = _LONG_POINTS | _LONG_MAPS


def make_field(
    name: str,
    high: int,
    low: int,
    meaning: str,
    source: str,
    shapes: frozenset[EntryShape],
    *,
    use: Use = Use.DEFINED,
    needs: Control | None = None,
    otherwise: Use = Use.IGNORED,
    address_bit: int | None = None,
) -> EntryField:
    """A field with its bits in the manuals' order, high before low; see `EntryField`.

    An address field holds the address bits of its own numbers unless ``address_bit`` says otherwise.
    """
    first = low if address_bit is None else address_bit
    return EntryField(
        name=name,
        low=low,
        high=high,
        use=use,
        meaning=meaning,
        source=source,
        shapes=shapes,
        needs=needs,
        otherwise=otherwise,
        address_bit=first,
    )


def ignored(high: int, low: int, source: str, shapes: frozenset[EntryShape]) -> EntryField:
    """Bits that software can use."""
    return make_field("ignored", high, low, "free for software", source, shapes, use=Use.IGNORED)


def reserved(high: int, low: int, source: str, shapes: frozenset[EntryShape]) -> EntryField:
    """Bits that have to be 0."""
    return make_field("reserved", high, low, "has to be 0", source, shapes, use=Use.RESERVED)


def address(high: int, low: int, meaning: str, source: str, shapes: frozenset[EntryShape]) -> EntryField:
    """A physical address, of which the bits from the physical-address width on have to be 0."""
    return make_field("address", high, low, meaning, source, shapes, use=Use.ADDRESS)


def rights_fields(source: str, shapes: frozenset[EntryShape]) -> tuple[EntryField, ...]:
    """Bits 2:0, the same in every entry that carries rights."""
    return (
        make_field("present", PRESENT_BIT, PRESENT_BIT, "the entry is used", source, shapes),
        make_field("read/write", WRITABLE_BIT, WRITABLE_BIT, "1: the region is writable", source, shapes),
        make_field("user/supervisor", USER_BIT, USER_BIT, "1: the region is user-mode", source, shapes),
    )


def cache_fields(source: str, shapes: frozenset[EntryShape]) -> tuple[EntryField, ...]:
    """Bits 4:3, which choose the memory type of what the entry refers to."""
    return (
        make_field("page-level write-through", 3, 3, "memory type, low bit", source, shapes),
        make_field("page-level cache disable", 4, 4, "memory type, middle bit", source, shapes),
    )


def use_fields(source: str, points: frozenset[EntryShape], maps: frozenset[EntryShape]) -> tuple[EntryField, ...]:
    """Bits 6:5, accessed and dirty; an entry that points to a table has no dirty flag."""
    return (
        make_field("accessed", 5, 5, "the entry has been used in a translation", source, points | maps),
        ignored(6, 6, source, points),
        make_field("dirty", 6, 6, "the page has been written", source, maps),
    )


def _global_field(source: str, shapes: frozenset[EntryShape]) -> EntryField:
    meaning = "the translation is global"
    return make_field("global", 8, 8, meaning, source, shapes, needs=Control.GLOBAL_PAGES)


def _execute_disable_field(source: str, shapes: frozenset[EntryShape]) -> EntryField:
    return make_field(
        "execute-disable",
        EXECUTE_DISABLE_BIT,
        EXECUTE_DISABLE_BIT,
        "1: no fetches from the region",
        source,
        shapes,
        needs=Control.NO_EXECUTE,
        otherwise=Use.RESERVED,
    )


def long_mode_common_fields(source: str) -> tuple[EntryField, ...]:
    """What ordinary entries of 4- and 5-level paging share on both vendors and with nested tables."""
    page_size = "1: the entry maps a page; 0: it points to a table"
    return (
        *rights_fields(source, _LONG_EVERY),
        *cache_fields(source, _LONG_EVERY),
        *use_fields(source, _LONG_POINTS, _LONG_MAPS),
        reserved(7, 7, source, _TOP),
        make_field(
            "page size",
            PAGE_SIZE_BIT,
            PAGE_SIZE_BIT,
            page_size,
            source,
            frozenset({PDPTE, PAGE_1G}),
            needs=Control.PAGES_1G,
            otherwise=Use.RESERVED,
        ),
        # Every processor with long mode has 2-MByte pages.
        make_field("page size", PAGE_SIZE_BIT, PAGE_SIZE_BIT, page_size, source, frozenset({PDE, LARGE_PAGE})),
        make_field("PAT", 7, 7, "memory type, high bit", source, frozenset({PTE})),
        ignored(11, 9, source, _LONG_EVERY),
        address(51, 12, "the next table", source, _LONG_POINTS),
        make_field("PAT", 12, 12, "memory type, high bit", source, frozenset({PAGE_1G, LARGE_PAGE})),
        reserved(29, 13, source, frozenset({PAGE_1G})),
        address(51, 30, "the 1-GByte page", source, frozenset({PAGE_1G})),
        reserved(20, 13, source, frozenset({LARGE_PAGE})),
        address(51, 21, "the 2-MByte page", source, frozenset({LARGE_PAGE})),
        address(51, 12, "the 4-KByte page", source, frozenset({PTE})),
        ignored(62, 52, source, _LONG_POINTS),
        _execute_disable_field(source, _LONG_EVERY),
    )


def _long_mode_leaf_fields(source: str) -> tuple[EntryField, ...]:
    return (
        _global_field(source, _LONG_MAPS),
        ignored(58, 52, source, _LONG_MAPS),
        make_field(
            "protection key",
            PROTECTION_KEY_HIGH,
            PROTECTION_KEY_LOW,
            "protection key of the page",
            source,
            _LONG_MAPS,
            needs=Control.PROTECTION_KEYS,
        ),
    )


LONG_MODE_KINDS = (
    EntryKind(PML5E, "PML5E"),
    EntryKind(PML4E, "PML4E"),
    EntryKind(PDPTE, "PDPTE that references a page directory"),
    EntryKind(PDE, "PDE that references a page table"),
    EntryKind(PAGE_1G, "PDPTE that maps a 1-GByte page"),
    EntryKind(LARGE_PAGE, "PDE that maps a 2-MByte page"),
    EntryKind(PTE, "PTE that maps a 4-KByte page"),
)

INTEL_LONG_MODE = EntryFormat(
    name="4-level and 5-level paging, Intel",
    width=64,
    kinds=LONG_MODE_KINDS,
    fields=(
        *long_mode_common_fields(_LONG_MODE_SOURCE),
        *_long_mode_leaf_fields(_LONG_MODE_SOURCE),
        ignored(8, 8, "SDM 5.5", _LONG_POINTS),
    ),
)

AMD_LONG_MODE = EntryFormat(
    name="long-mode paging, AMD",
    width=64,
    kinds=LONG_MODE_KINDS,
    fields=(
        *long_mode_common_fields(_LONG_MODE_SOURCE),
        *_long_mode_leaf_fields(_LONG_MODE_SOURCE),
        reserved(8, 8, "APM 5.3", _TOP),
        ignored(8, 8, "APM 5.3", frozenset({PDPTE, PDE})),
    ),
)

_SMALL_POINTS = frozenset({PDE})
_SMALL_MAPS = frozenset({LARGE_PAGE, PTE})
_SMALL_EVERY = _SMALL_POINTS | _SMALL_MAPS
_PDPTE_ONLY = frozenset({PDPTE})

PAE = EntryFormat(
    name="PAE paging",
    width=64,
    kinds=(
        EntryKind(PDPTE, "PDPTE"),
        EntryKind(PDE, "PDE that references a page table"),
        EntryKind(LARGE_PAGE, "PDE that maps a 2-MByte page"),
        EntryKind(PTE, "PTE that maps a 4-KByte page"),
    ),
    fields=(
        make_field("present", PRESENT_BIT, PRESENT_BIT, "the entry is used", _PAE_SOURCE, _PDPTE_ONLY),
        reserved(2, 1, _PAE_SOURCE, _PDPTE_ONLY),
        *cache_fields(_PAE_SOURCE, _PDPTE_ONLY),
        reserved(8, 5, _PAE_SOURCE, _PDPTE_ONLY),
        ignored(11, 9, _PAE_SOURCE, _PDPTE_ONLY),
        address(51, 12, "the page directory", _PAE_SOURCE, _PDPTE_ONLY),
        reserved(63, 52, _PAE_SOURCE, _PDPTE_ONLY),
        *rights_fields(_PAE_SOURCE, _SMALL_EVERY),
        *cache_fields(_PAE_SOURCE, _SMALL_EVERY),
        *use_fields(_PAE_SOURCE, _SMALL_POINTS, _SMALL_MAPS),
        # PAE paging does not depend on CR4.PSE.
        make_field(
            "page size",
            PAGE_SIZE_BIT,
            PAGE_SIZE_BIT,
            "1: the entry maps a page; 0: it points to a table",
            _PAE_SOURCE,
            frozenset({PDE, LARGE_PAGE}),
        ),
        make_field("PAT", 7, 7, "memory type, high bit", _PAE_SOURCE, frozenset({PTE})),
        ignored(8, 8, _PAE_SOURCE, _SMALL_POINTS),
        _global_field(_PAE_SOURCE, _SMALL_MAPS),
        ignored(11, 9, _PAE_SOURCE, _SMALL_EVERY),
        address(51, 12, "the page table", _PAE_SOURCE, _SMALL_POINTS),
        make_field("PAT", 12, 12, "memory type, high bit", _PAE_SOURCE, frozenset({LARGE_PAGE})),
        reserved(20, 13, _PAE_SOURCE, frozenset({LARGE_PAGE})),
        address(51, 21, "the 2-MByte page", _PAE_SOURCE, frozenset({LARGE_PAGE})),
        address(51, 12, "the 4-KByte page", _PAE_SOURCE, frozenset({PTE})),
        reserved(62, 52, _PAE_SOURCE, _SMALL_EVERY),
        _execute_disable_field(_PAE_SOURCE, _SMALL_EVERY),
    ),
)

PAGING_32BIT = EntryFormat(
    name="32-bit paging",
    width=32,
    kinds=(
        EntryKind(PDE, "PDE that references a page table"),
        EntryKind(LARGE_PAGE, "PDE that maps a 4-MByte page", needs=Control.PAGE_SIZE_EXTENSIONS),
        EntryKind(PTE, "PTE that maps a 4-KByte page"),
    ),
    fields=(
        *rights_fields(_32BIT_SOURCE, _SMALL_EVERY),
        *cache_fields(_32BIT_SOURCE, _SMALL_EVERY),
        *use_fields(_32BIT_SOURCE, _SMALL_POINTS, _SMALL_MAPS),
        make_field(
            "page size",
            PAGE_SIZE_BIT,
            PAGE_SIZE_BIT,
            "1: the entry maps a page; 0: it points to a table",
            _32BIT_SOURCE,
            frozenset({PDE, LARGE_PAGE}),
            needs=Control.PAGE_SIZE_EXTENSIONS,
        ),
        make_field("PAT", 7, 7, "memory type, high bit", _32BIT_SOURCE, frozenset({PTE})),
        ignored(8, 8, _32BIT_SOURCE, _SMALL_POINTS),
        _global_field(_32BIT_SOURCE, _SMALL_MAPS),
        ignored(11, 9, _32BIT_SOURCE, _SMALL_EVERY),
        address(31, 12, "the page table", _32BIT_SOURCE, _SMALL_POINTS),
        address(31, 12, "the 4-KByte page", _32BIT_SOURCE, frozenset({PTE})),
        make_field("PAT", 12, 12, "memory type, high bit", _32BIT_SOURCE, frozenset({LARGE_PAGE})),
        make_field(
            "high address",
            20,
            13,
            "bits 39:32 of the 4-MByte page's address",
            _32BIT_SOURCE,
            frozenset({LARGE_PAGE}),
            use=Use.ADDRESS,
            needs=Control.PSE_36,
            otherwise=Use.RESERVED,
            address_bit=32,
        ),
        reserved(21, 21, _32BIT_SOURCE, frozenset({LARGE_PAGE})),
        address(31, 22, "the 4-MByte page", _32BIT_SOURCE, frozenset({LARGE_PAGE})),
    ),
)
