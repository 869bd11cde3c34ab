from mmuproof.lift.errors import LiftError, Missing, ParseFailed, Refused, SourceError


def test_a_message_is_one_line() -> None:
    assert str(LiftError("first\n  second")) == "first second"


def test_a_refusal_says_where() -> None:
    refused = Refused("asm goto", "arch/x86/kvm/mmu/mmu.c:12")
    assert str(refused) == "arch/x86/kvm/mmu/mmu.c:12: asm goto"
    assert (refused.location, refused.reason) == ("arch/x86/kvm/mmu/mmu.c:12", "asm goto")


def test_a_refusal_may_have_no_place() -> None:
    assert str(Refused("asm goto")) == "asm goto"


def test_what_is_missing_is_named() -> None:
    assert Missing(iter(["A", "B"])).names == ("A", "B")
    assert str(Missing(["A", "B"])) == "the tree does not define A, B"


def test_a_failed_parse_counts_its_errors_and_shows_the_first() -> None:
    failed = ParseFailed("mmu.c", ["mmu.c:1: no", "mmu.c:2: never"])
    assert isinstance(failed, SourceError)
    assert failed.diagnostics == ("mmu.c:1: no", "mmu.c:2: never")
    assert str(failed) == "mmu.c does not parse: 2 errors, the first being mmu.c:1: no"
