"""EPT entries bit by bit (SDM 31.3.2, Tables 31-1 to 31-7)."""

from __future__ import annotations

from mmuproof.spec.entry_layout import Control, EntryField, EntryFormat, EntryKind, EntryShape, Use

READ_BIT = 0
WRITE_BIT = 1
EXECUTE_BIT = 2
PAGE_SIZE_BIT = 7
USER_EXECUTE_BIT = 10
PAGING_WRITE_BIT = 58
MEMORY_TYPE_LOW, MEMORY_TYPE_HIGH = 3, 5

PML5E, PML4E = EntryShape(5, False), EntryShape(4, False)
PDPTE, PDE = EntryShape(3, False), EntryShape(2, False)
PAGE_1G, PAGE_2M, PTE = EntryShape(3, True), EntryShape(2, True), EntryShape(1, True)

_TOP = frozenset({PML5E, PML4E})
_POINTS_TO_TABLE = _TOP | {PDPTE, PDE}
_MAPS_PAGE = frozenset({PAGE_1G, PAGE_2M, PTE})
_EVERY = _POINTS_TO_TABLE | _MAPS_PAGE
_SOURCE = "SDM 31.3.2, Tables 31-1 to 31-7"


def _field(
    name: str,
    high: int,
    low: int,
    meaning: str,
    shapes: frozenset[EntryShape],
    *,
    use: Use = Use.DEFINED,
    needs: Control | None = None,
    otherwise: Use = Use.IGNORED,
) -> EntryField:
    return EntryField(
        name=name,
        low=low,
        high=high,
        use=use,
        meaning=meaning,
        source=_SOURCE,
        shapes=shapes,
        needs=needs,
        otherwise=otherwise,
        address_bit=low,
    )


def _ignored(high: int, low: int, shapes: frozenset[EntryShape]) -> EntryField:
    return _field("ignored", high, low, "free for software", shapes, use=Use.IGNORED)


def _reserved(high: int, low: int, shapes: frozenset[EntryShape]) -> EntryField:
    return _field("reserved", high, low, "has to be 0", shapes, use=Use.RESERVED)


def _address(low: int, meaning: str, shapes: frozenset[EntryShape]) -> EntryField:
    return _field("address", 51, low, meaning, shapes, use=Use.ADDRESS)


def _page_size(shapes: frozenset[EntryShape], needs: Control) -> EntryField:
    meaning = "1: the entry maps a page; 0: it points to a table"
    return _field("page size", PAGE_SIZE_BIT, PAGE_SIZE_BIT, meaning, shapes, needs=needs, otherwise=Use.RESERVED)


EPT = EntryFormat(
    name="EPT",
    width=64,
    kinds=(
        EntryKind(PML5E, "EPT PML5E"),
        EntryKind(PML4E, "EPT PML4E"),
        EntryKind(PDPTE, "EPT PDPTE that references an EPT page directory"),
        EntryKind(PDE, "EPT PDE that references an EPT page table"),
        EntryKind(PAGE_1G, "EPT PDPTE that maps a 1-GByte page"),
        EntryKind(PAGE_2M, "EPT PDE that maps a 2-MByte page"),
        EntryKind(PTE, "EPT PTE that maps a 4-KByte page"),
    ),
    fields=(
        _field("read", READ_BIT, READ_BIT, "reads are allowed in the region", _EVERY),
        _field("write", WRITE_BIT, WRITE_BIT, "writes are allowed in the region", _EVERY),
        # Mode-based execute control narrows the meaning of this bit, never whether the processor uses it.
        _field(
            "execute",
            EXECUTE_BIT,
            EXECUTE_BIT,
            "fetches are allowed; with mode-based execute control, from supervisor-mode linear addresses",
            _EVERY,
        ),
        _reserved(6, 3, _POINTS_TO_TABLE),
        _field("memory type", MEMORY_TYPE_HIGH, MEMORY_TYPE_LOW, "EPT memory type of the page", _MAPS_PAGE),
        _field("ignore PAT", 6, 6, "the guest's PAT does not take part in the memory type", _MAPS_PAGE),
        _reserved(7, 7, _TOP),
        _page_size(frozenset({PDPTE, PAGE_1G}), Control.PAGES_1G),
        _page_size(frozenset({PDE, PAGE_2M}), Control.PAGES_2M),
        _ignored(7, 7, frozenset({PTE})),
        _field("accessed", 8, 8, "software has accessed the region", _EVERY, needs=Control.EPT_ACCESSED_DIRTY),
        _ignored(9, 9, _POINTS_TO_TABLE),
        _field("dirty", 9, 9, "the page has been written", _MAPS_PAGE, needs=Control.EPT_ACCESSED_DIRTY),
        _field(
            "user execute",
            USER_EXECUTE_BIT,
            USER_EXECUTE_BIT,
            "fetches from user-mode linear addresses are allowed",
            _EVERY,
            needs=Control.MODE_BASED_EXECUTE,
        ),
        _ignored(11, 11, _EVERY),
        _address(12, "the next table", _POINTS_TO_TABLE),
        _reserved(29, 12, frozenset({PAGE_1G})),
        _address(30, "the 1-GByte page", frozenset({PAGE_1G})),
        _reserved(20, 12, frozenset({PAGE_2M})),
        _address(21, "the 2-MByte page", frozenset({PAGE_2M})),
        _address(12, "the 4-KByte page", frozenset({PTE})),
        _ignored(56, 52, _EVERY),
        _ignored(63, 57, _POINTS_TO_TABLE),
        _field(
            "verify guest paging",
            57,
            57,
            "guest paging structures that lead to the page have to be marked for paging writes",
            _MAPS_PAGE,
            needs=Control.GUEST_PAGING_VERIFICATION,
        ),
        _field(
            "paging-write access",
            PAGING_WRITE_BIT,
            PAGING_WRITE_BIT,
            "the processor may write guest paging structures in the page although bit 1 is 0",
            _MAPS_PAGE,
            needs=Control.PAGING_WRITE,
        ),
        _ignored(59, 59, _MAPS_PAGE),
        _field(
            "supervisor shadow stack",
            60,
            60,
            "supervisor shadow-stack accesses are allowed in the page",
            _MAPS_PAGE,
            needs=Control.SUPERVISOR_SHADOW_STACK,
        ),
        _ignored(61, 61, frozenset({PAGE_1G, PAGE_2M})),
        _field(
            "sub-page write permissions",
            61,
            61,
            "writes to 128-byte parts of the page can be allowed one by one",
            frozenset({PTE}),
            needs=Control.SUB_PAGE_WRITE,
        ),
        _ignored(62, 62, _MAPS_PAGE),
        _field(
            "suppress #VE",
            63,
            63,
            "an EPT violation of the page is not turned into #VE",
            _MAPS_PAGE,
            needs=Control.EPT_VIOLATION_VE,
        ),
    ),
)
