from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from mmuproof.cli.numbers.decoded import Assumed, Decoded, Decoder
from mmuproof.cli.shared.results import Counterexample, Input, in_part
from mmuproof.cli.telling.counterexamples import Decode, NoSymptom, explain, place_in, undecoded
from mmuproof.cli.telling.report import expected_text, input_lines
from mmuproof.cli.telling.steps import MOST_STEPS
from mmuproof.model.evidence import Check, CheckKind, Evidence, Step
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.statement import Case, Shown, Symptom
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.theorem import Claim
from mmuproof.smt.graph import evaluate
from mmuproof.smt.obligation import Assumption, Obligation, Verdict
from mmuproof.smt.solver import decide, satisfiable
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, bit, bv, eq, extract, ite, ne, ult, var, zext

ACCESS = ((0, "READ"), (1, "WRITE"), (2, "EXEC"))
WRONG = Symptom(name="wrong", when=TRUE, sentence="It is wrong.", actual="this", expected="that")
PTE = var("pte", 32)
ROLE = var("role", 32)
OTHER = var("other", 32)


def explained(
    holds: Bool,
    *,
    shown: Sequence[Shown] = (),
    assumptions: Sequence[Bool] = (),
    evidence: Evidence | None = None,
    symptoms: Sequence[Symptom] = (WRONG,),
    decode: Decode = undecoded,
) -> Counterexample:
    claim = Claim(
        holds=holds,
        symptoms=tuple(symptoms),
        case=Case(
            assumptions=tuple(Assumption(str(each), each) for each in assumptions),
            shown=tuple(shown),
            evidence=evidence or Evidence(),
        ),
    )
    answer = decide(Obligation(claim.case.assumptions, claim.holds))
    assert answer.verdict is Verdict.REFUTED
    assert answer.assignment is not None
    return explain(claim, answer.assignment, satisfiable, decode)


def inputs(told: Counterexample) -> dict[str, str]:
    return {each.name: each.text for each in told.inputs}


@pytest.mark.parametrize(("value", "text"), [(0, "0"), (5, "READ|EXEC"), (0x12, "WRITE|0x10"), (0x40, "0x40")])
def test_flags_are_named(value: int, text: str) -> None:
    told = explained(ne(PTE, value), shown=[Shown("pte_access", PTE, ACCESS)])
    assert inputs(told) == {"pte_access": text}


@pytest.mark.parametrize(("value", "text"), [(0, "0"), (9, "9"), (10, "0xa"), (0x1000, "0x1000")])
def test_other_values_are_numbers(value: int, text: str) -> None:
    assert inputs(explained(ne(PTE, value), shown=[Shown("level", PTE)])) == {"level": text}


def test_truth_values_are_numbers() -> None:
    assert inputs(explained(~bit(PTE, 3), shown=[Shown("smep", bit(PTE, 3))])) == {"smep": "1"}


def test_what_does_not_matter_is_left_out() -> None:
    shown = [Shown("smep", bit(ROLE, 3)), Shown("smap", bit(ROLE, 4)), Shown("other", OTHER)]
    told = explained(~(bit(ROLE, 3) & ult(OTHER & 0, 5)), shown=shown)
    assert inputs(told) == {"smep": "1"}


def test_what_the_assumptions_fix_is_told() -> None:
    shown = [Shown("smep", bit(ROLE, 3)), Shown("smap", bit(ROLE, 4)), Shown("access", PTE, ACCESS)]
    told = explained(ne(OTHER, 1), shown=shown, assumptions=[bit(ROLE, 3), bit(PTE, 2), ult(ROLE, 99)])
    assert inputs(told) == {"smep": "1", "access": "EXEC", "other": "1"}


FROZEN, MASK, NONE = Shown("FROZEN_SPTE", bv(0x5A0, 64)), Shown("mmio_mask", bv(7, 64)), Shown("no_mask", bv(0, 64))


@pytest.mark.parametrize(
    ("sentence", "told"),
    [
        ("It is wrong.", {"FROZEN_SPTE": "0x5a0", "mmio_mask": "7"}),
        ("A frozen SPTE is present.", {"FROZEN_SPTE": "0x5a0"}),
        ("mmio_mask overlaps no_mask.", {"mmio_mask": "7"}),
    ],
)
def test_a_constant_is_told_if_the_symptom_speaks_of_it_or_of_none(sentence: str, told: dict[str, str]) -> None:
    symptom = Symptom(name="wrong", when=TRUE, sentence=sentence, actual="", expected="")
    assert inputs(explained(~bit(ROLE, 3), shown=[FROZEN, MASK, NONE], symptoms=[symptom])) == {
        **told,
        "bit 3 of role": "1",
    }


def test_what_matters_but_is_not_shown_is_told_by_its_variable() -> None:
    shown = [Shown("smep", bit(ROLE, 3))]
    told = explained(~(bit(ROLE, 3) & bit(ROLE, 9) & ~bit(OTHER, 0) & bit(OTHER, 31)), shown=shown)
    assert inputs(told) == {"smep": "1", "bit 9 of role": "1", "other&0x80000001": "0x80000000"}


def test_the_first_symptom_that_applies_is_told() -> None:
    symptoms = [
        Symptom(name="no", when=eq(PTE, 7), sentence="", actual="", expected=""),
        Symptom(name="yes", when=eq(PTE, 3), sentence="Yes.", actual="", expected=""),
        WRONG,
    ]
    assert explained(ne(PTE, 3), symptoms=symptoms).symptom == "yes"


def test_a_failure_without_a_symptom_is_not_told() -> None:
    with pytest.raises(NoSymptom):
        explained(ne(PTE, 3), symptoms=[Symptom(name="no", when=eq(PTE, 7), sentence="", actual="", expected="")])


def steps(told: Counterexample) -> list[str]:
    return [f"{step.at} {step.text}" for step in told.steps]


def test_steps_are_those_that_happen_and_lead_there() -> None:
    taken, left, aside = PTE + 3, PTE + 4, PTE + 5
    fault = ite(bit(ROLE, 0), taken, left)
    evidence = Evidence(
        steps=(
            Step("mmu.c:1", "ff", bit(ROLE, 0), bv(0, 32)),
            Step("mmu.c:2", "ff", bit(ROLE, 0), taken),
            Step("mmu.c:3", "ff", ~bit(ROLE, 0), left),
            Step("mmu.c:4", "aside", TRUE, aside),
            Step("mmu.c:5", "zero", TRUE, bv(0, 32)),
            Step("mmu.c:6", "fault", TRUE, zext(fault, 64)),
        )
    )
    told = explained(~(eq(fault, 5) & bit(ROLE, 0)), evidence=evidence)
    assert steps(told) == ["mmu.c:1 ff = 0", "mmu.c:2 ff = 5", "mmu.c:6 fault = 5"]
    assert told.at == "mmu.c:6"


def test_steps_that_say_the_same_are_said_once() -> None:
    evidence = Evidence(steps=tuple(Step(f"mmu.c:{n}", "spte", TRUE, PTE + 3) for n in (1, 1, 2)))
    assert steps(explained(ne(PTE + 3, 5), evidence=evidence)) == ["mmu.c:1 spte = 5"]


def test_elements_that_were_read_are_kept_before_others() -> None:
    fills = [Step("a.c:1", f"table[{n}]", TRUE, bv(0x111 * (n + 1), 16)) for n in range(3)]
    index = ite(bit(ROLE, 0), PTE, PTE + 1)
    read = ite(eq(index, 0), fills[0].value, ite(eq(index, 1), fills[1].value, fills[2].value))
    later = [Step(f"b.c:{n}", f"v{n}", TRUE, index) for n in range(20)]
    holds = ~(bit(read >> extract(OTHER, 15, 0), 0) & eq(index, 1) & eq(PTE, 1))
    told = steps(explained(holds, evidence=Evidence(steps=(*fills, *later))))
    assert len(told) == MOST_STEPS
    assert told[0] == "a.c:1 table[1] = 0x0222: bit 1 is set"
    assert told[-1].startswith("b.c:19")


def test_the_last_steps_are_kept() -> None:
    values = [PTE + n for n in range(20)]
    evidence = Evidence(steps=tuple(Step(f"a.c:{n}", f"v{n}", TRUE, v) for n, v in enumerate(values)))
    total = values[0]
    for value in values[1:]:
        total = total ^ value
    told = explained(ne(total, evaluate(total, {"pte": 9})), evidence=evidence)
    assert len(told.steps) == MOST_STEPS
    assert told.at == "a.c:19"


def test_steps_of_inputs_that_do_not_matter_are_left_out() -> None:
    evidence = Evidence(steps=(Step("a.c:1", "aside", TRUE, OTHER + 1), Step("a.c:2", "pte", TRUE, PTE + 1)))
    holds = ne(PTE + 1, 5) | ne((OTHER + 1) * 0, 0)
    assert steps(explained(holds, evidence=evidence)) == ["a.c:2 pte = 5"]


def table_read(*elements: BitVec) -> BitVec:
    """The element that PTE chooses."""
    table = elements[-1]
    for index, element in enumerate(elements[:-1]):
        table = ite(eq(PTE, index), element, table)
    return table


def filling(element: int, **ingredients: int) -> list[Step]:
    """One round of a loop that fills an array with the disjunction of some masks."""
    whole = 0
    for value in ingredients.values():
        whole |= value
    made = [Step(f"a.c:{n}", name, TRUE, bv(value, 16)) for n, (name, value) in enumerate(ingredients.items(), 1)]
    return [*made, Step("a.c:9", f"mmu->table[{element}]", TRUE, bv(whole, 16))]


def test_an_array_shows_the_element_that_was_read_and_what_it_is_made_of() -> None:
    rounds = [
        {"uf": 0xF0, "ff": 0x0F, "kf": 0},
        {"uf": 0x0F, "ff": 0xF00, "kf": 0xF},
        {"uf": 0xF0, "ff": 0x0F, "kf": 0},
        {"uf": 0, "ff": 0, "kf": 0},
    ]
    before = [Step("a.c:0", "mask", TRUE, bv(0x0F, 16))]
    fills = [step for index, each in enumerate(rounds) for step in filling(index, **each)]
    read = table_read(*(step.value for step in fills if "table" in step.target))
    fault = bit(read >> extract(OTHER, 15, 0), 0)
    # The first element has the same value as the last.
    told = explained(
        ~(fault & eq(PTE, 2) & eq(OTHER, 5)),
        shown=[Shown("access", extract(OTHER, 15, 0), ACCESS)],
        evidence=Evidence(steps=(*before, *fills)),
    )
    assert steps(told) == ["a.c:1 uf = 0x00f0", "a.c:9 mmu->table[2] = 0x00ff: the bit for READ|EXEC is set"]
    told = explained(~(~fault & eq(PTE, 1) & eq(OTHER, 5)), evidence=Evidence(steps=(*before, *fills)))
    assert steps(told) == [
        "a.c:1 uf = 0x000f",
        "a.c:2 ff = 0x0f00",
        "a.c:3 kf = 0x000f",
        "a.c:9 mmu->table[1] = 0x0f0f: bit 5 is clear",
    ]


def test_two_arrays_with_the_same_index_are_told_apart() -> None:
    ours = [Step("a.c:9", f"mmu->table[{n}]", TRUE, bv(0x111 * (n + 1), 16)) for n in range(3)]
    others = [Step("a.c:9", f"mmu->table[{n}]", TRUE, bv(0x700 + n, 16)) for n in range(3)]
    read = table_read(*(step.value for step in ours))
    told = explained(~(bit(read >> extract(OTHER, 15, 0), 0) & eq(PTE, 1)), evidence=Evidence(steps=(*ours, *others)))
    assert steps(told) == ["a.c:9 mmu->table[1] = 0x0222: bit 1 is set"]


def test_a_table_of_constants_shows_the_entry_that_was_read() -> None:
    table = ite(eq(PTE, 1), bv(0x55AA, 16), ite(eq(PTE, 2), bv(0x77CC, 16), bv(0, 16)))
    evidence = Evidence(steps=tuple(Step("a.c:1", "table[i]", TRUE, bv(n, 16)) for n in (0x55AA, 0x77CC, 0)))
    read = bit(table >> extract(OTHER, 15, 0), 0)
    assert steps(explained(~(read & eq(PTE, 2)), evidence=evidence)) == ["a.c:1 table[i] = 0x77cc"]


@pytest.mark.parametrize("kind", CheckKind)
def test_checks_that_fail_are_told(kind: CheckKind) -> None:
    evidence = Evidence(
        checks=(
            Check(kind, "a.c:1", ne(PTE, 5)),
            Check(kind, "a.c:2", eq(PTE, 5)),
            Check(kind, "a.c:3", FALSE),
            Check(kind, "a.c:4", eq(OTHER, 1)),
        )
    )
    told = explained(ne(PTE, 5), evidence=evidence)
    assert [step.at for step in told.steps] == ["a.c:1", "a.c:3"]
    assert explained(ne(PTE, 5), evidence=Evidence(checks=evidence.checks[:1])).at == "a.c:1"


def test_undefined_behaviour_ends_where_it_is() -> None:
    index = PTE + 1
    check = Check(CheckKind.INDEX, "a.c:2", ult(index, 16))
    evidence = Evidence((check,), (Step("a.c:1", "index", TRUE, index), Step("a.c:3", "fault", TRUE, OTHER + 3)))
    claim = Claim(holds=ne(OTHER + 3, 5) | ult(index, 20), symptoms=(WRONG,), case=Case(evidence=evidence))
    answer = decide(claim.obligation, preferred=[way.when for way in claim.ways_to_fail])
    assert answer.assignment is not None
    told = explain(claim, answer.assignment, satisfiable)
    assert told.symptom == "undefined-behaviour"
    assert steps(told) == ["a.c:1 index = 0x10", "a.c:2 array index out of bounds"]
    assert told.at == "a.c:2"


def test_a_warning_fires() -> None:
    evidence = Evidence(checks=(Check(CheckKind.WARN, "a.c:1", ne(PTE, 5)),))
    assert steps(explained(ne(PTE, 5), evidence=evidence)) == ["a.c:1 WARN fires"]


def test_an_assignment_is_found_by_the_bit_that_is_tested() -> None:
    first = ite(bit(ROLE, 0), PTE | 4, PTE)
    last = ite(bit(ROLE, 1), first | 0x100, first)
    evidence = Evidence(steps=(Step("a.c:1", "spte", TRUE, first), Step("a.c:2", "spte", TRUE, last)))
    assert steps(explained(~bit(last, 2), evidence=evidence))[0] == "a.c:1 spte = 4"


SPTE = var("spte", 64)


def read(kind: NumberKind, number: int, _values: Mapping[str, int]) -> Decoded | None:
    return Decoder(ReferenceKvm()).decode(kind, number, Vendor.INTEL)


def test_a_number_is_told_by_what_it_is_beside_its_value() -> None:
    told = explained(ne(SPTE, 0xC04), shown=[Shown("what was found", SPTE, kind=NumberKind.SPTE)], decode=read)
    (found,) = told.inputs
    assert (found.text, found.reads) == ("0xc04", "XS|XU|MMU-present, pfn 0")
    assert found.decoded is not None
    assert found.decoded["kind"] == "spte"
    assert input_lines(told.inputs)[0].startswith("what was found=0xc04  (XS|XU|MMU-present, pfn 0)")


def test_flags_are_told_once_and_their_bits_are_for_machines() -> None:
    shown = Shown("exit qualification", SPTE, ((2, "FETCH"),), NumberKind.EPT_VIOLATION)
    (found,) = explained(ne(SPTE, 4), shown=[shown], decode=read).inputs
    assert (found.text, found.reads) == ("FETCH", "")
    assert found.decoded is not None
    assert found.decoded["value"] == "0x4"


def test_what_cannot_be_read_is_told_as_a_number() -> None:
    shown = Shown("spte", SPTE, kind=NumberKind.SPTE)
    (found,) = explained(ne(SPTE, 0xC04), shown=[shown], decode=lambda _kind, _number, _values: None).inputs
    assert (found.text, found.reads, found.decoded) == ("0xc04", "", None)


def test_an_spte_that_is_assigned_is_told() -> None:
    evidence = Evidence(
        steps=(Step("spte.c:7", "*new_spte", TRUE, SPTE | 0x800), Step("spte.c:8", "other", TRUE, SPTE))
    )
    told = explained(ne(SPTE | 0x800, 0xC04), evidence=evidence, decode=read)
    reads = {step.text.partition(" ")[0]: step.reads for step in told.steps}
    assert reads["*new_spte"] == "XS|XU|MMU-present, pfn 0"


def test_without_steps_the_last_line_that_ran_is_the_place() -> None:
    aside = [Step(f"mmu.c:{n}", "aside", when, var("aside", 32)) for n, when in ((1, TRUE), (2, TRUE), (3, FALSE))]
    told = explained(ne(PTE, 5), evidence=Evidence(steps=tuple(aside)))
    assert (told.steps, told.at) == ((), "mmu.c:2")
    check = Check(CheckKind.WARN, "mmu.c:9", TRUE)
    assert explained(ne(PTE, 5), evidence=Evidence(checks=(check,))).at == "mmu.c:9"
    assert explained(ne(PTE, 5)).at == ""


def test_what_macros_call_their_variables_is_no_step() -> None:
    evidence = Evidence(steps=(Step("mmu.c:1", "__UNIQUE_ID_x__7", TRUE, PTE), Step("mmu.c:2", "low", TRUE, PTE)))
    assert steps(explained(ne(PTE, 5), evidence=evidence)) == ["mmu.c:2 low = 5"]


def test_of_a_result_only_the_member_is_told_that_is_wrong() -> None:
    wrong = Symptom(name="wrong", when=TRUE, sentence="cpu_role.cr4_smep is wrong.", actual="", expected="")
    role = PTE + OTHER
    shown = [
        Shown("CR4", PTE),
        Shown("cpu_role.cr4_smep", bit(role, 0)),
        Shown("cpu_role.efer_nx", bit(role, 1)),
        Shown("other_role.efer_nx", bit(role, 2)),
    ]
    told = explained(~eq(role, 7) | ~eq(PTE, 1), shown=shown, symptoms=[wrong])
    assert inputs(told).keys() >= {"CR4", "cpu_role.cr4_smep", "other_role.efer_nx"}
    assert "cpu_role.efer_nx" not in inputs(told)
    told = explained(~eq(role, 7) | ~eq(PTE, 1), shown=shown)
    assert "cpu_role.efer_nx" in inputs(told)


@pytest.mark.parametrize(
    ("target", "width", "reads"),
    [
        ("*new_spte", 64, True),
        ("mark_spte_for_access_track()", 64, True),
        ("make_spte()", 8, False),
        ("is_last_spte()", 8, False),
        ("get_mmio_spte_gfn()", 64, False),
        ("get_mmio_spte_generation()", 64, False),
    ],
)
def test_only_what_is_an_spte_is_read_as_one(target: str, width: int, reads: bool) -> None:
    decoder = Decoder(ReferenceKvm(), Assumed(max_physical_address=52))

    def decode(kind: NumberKind, value: int, values: Mapping[str, int]) -> Decoded | None:
        return decoder.decode(kind, value, Vendor.INTEL, values)

    # With bit 11, so that it would be an SPTE of KVM's.
    value, number = var("value", width), 0x801 if width == 64 else 1
    step = Step("spte.c:1", target, TRUE, value)
    told = explained(ne(value, number), evidence=Evidence(steps=(step,)), decode=decode)
    assert [bool(each.reads) for each in told.steps] == [reads]


def test_an_spte_is_known_by_what_it_is_called_if_its_theorem_does_not_say_so() -> None:
    decoder = Decoder(ReferenceKvm(), Assumed(max_physical_address=52))

    def decode(kind: NumberKind, value: int, values: Mapping[str, int]) -> Decoded | None:
        return decoder.decode(kind, value, Vendor.INTEL, values)

    spte = var("s", 64)
    shown = [Shown("the entry after", spte), Shown("small spte", spte), Shown("gfn", spte)]
    told = explained(ne(spte, 0x807), shown=shown, decode=decode)
    assert [bool(each.reads) for each in told.inputs] == [True, True, False]
    # What KVM does not make is no SPTE, whatever it is called.
    assert not any(each.reads for each in explained(ne(spte, 7), shown=shown, decode=decode).inputs)


@pytest.mark.parametrize(
    ("part", "sentence", "told"),
    [
        ("", "It is wrong.", "It is wrong."),
        ("level 2", "It is wrong.", "level 2: It is wrong."),
        ("f()", "f() is wrong.", "f() is wrong."),
        ("f()", "It is wrong.", "f(): It is wrong."),
    ],
)
def test_a_part_stands_in_front_of_what_does_not_begin_with_it(part: str, sentence: str, told: str) -> None:
    assert in_part(part, sentence) == told


def test_bits_of_words_that_have_names_are_told_by_them() -> None:
    controls, role, other = var("vmcs12->secondary_vm_exec_control", 32), var("mmu->cpu_role", 64), var("some", 64)
    told = explained(~all_of(bit(controls, 5), bit(role, 14), bit(other, 3)), decode=read)
    assert {each.name: each.reads for each in told.inputs} == {
        "bit 5 of vmcs12->secondary_vm_exec_control": "ENABLE_VPID",
        "bit 14 of mmu->cpu_role": "cr0_wp",
        "bit 3 of some": "",
    }


def test_several_bits_of_an_spte_are_told_as_set_and_clear() -> None:
    told = explained(ne(var("*sptep", 64) & 0x7, 5), decode=read)
    assert [each.reads for each in told.inputs] == ["set: R|XS; clear: W"]


def test_an_spte_of_which_every_bit_matters_is_told_as_a_whole() -> None:
    told = explained(ne(var("*sptep", 64), 0x1805), decode=read)
    assert [each.reads for each in told.inputs] == ["R|XS|MMU-present, pfn 0x1"]


@pytest.mark.parametrize(
    ("target", "value", "reads"),
    [
        ("context->root_role.word", 0x24, "level=0x4 quadrant=0x1"),
        ("error_code", 0x1_0000_0014, "USER|FETCH|GUEST_FINAL"),
        ("pfec", 0, ""),
        ("exit_qualification", 0x184, "ACC_INSTR|GVA_IS_VALID|GVA_TRANSLATED"),
        ("vmcb->control.exit_info_1", 0x2_0000_0004, "USER|GUEST_PAGE"),
        ("index", 5, ""),
    ],
)
def test_a_step_says_what_the_bits_of_a_word_are(target: str, value: int, reads: str) -> None:
    number = var("number", 64)
    evidence = Evidence(steps=(Step(at="mmu.c:1", target=target, value=number, guard=TRUE),))
    told = explained(ne(number, value), evidence=evidence, decode=read)
    assert [each.reads for each in told.steps] == [reads]


def test_a_way_to_fail_may_show_and_rest_on_something_of_its_own() -> None:
    first = Symptom(
        name="first",
        when=eq(PTE, 1),
        sentence="It is wrong.",
        actual="",
        expected="",
        shown=(Shown("left", PTE + 1),),
        evidence=Evidence(steps=(Step(at="mmu.c:2", target="x", value=PTE, guard=TRUE),)),
    )
    others = Evidence(steps=(Step(at="mmu.c:9", target="y", value=PTE, guard=TRUE),))
    told = explained(ne(PTE, 1), shown=[Shown("pte", PTE)], evidence=others, symptoms=(first, WRONG))
    assert inputs(told) == {"pte": "1", "left": "2"}
    assert steps(told) == ["mmu.c:2 x = 1"]


@pytest.mark.parametrize(
    ("sentence", "place"),
    [
        ("The static_assert at arch/x86/kvm/mmu/spte.h:125 fails: x.", "arch/x86/kvm/mmu/spte.h:125"),
        ("It is wrong at once.", ""),
    ],
)
def test_without_steps_a_sentence_may_have_the_place(sentence: str, place: str) -> None:
    assert place_in(sentence) == place
    symptom = Symptom(name="s", when=TRUE, sentence=sentence, actual="", expected="")
    checks = (Check(at="mmu.c:9", kind=CheckKind.WARN, holds=TRUE),)
    assert explained(FALSE, symptoms=[symptom], evidence=Evidence(checks=checks)).at == (place or "mmu.c:9")


def test_what_cites_a_manual_itself_is_not_cited_once_more() -> None:
    source = "KVM's comment at f()"
    assert expected_text("a flush: SDM 31.4 says so", source) == "a flush: SDM 31.4 says so."
    assert expected_text("a flush", source) == "KVM's comment at f(): a flush."


def test_a_comparison_among_the_inputs_is_answered() -> None:
    given = (Input("fault->slot == NULL", "0"), Input("x", "0"), Input("sp == root", "1"))
    assert input_lines(given)[0] == "fault->slot == NULL: no   x=0   sp == root: yes   (everything else: any value)"


def test_of_a_word_without_a_bit_nothing_more_is_told() -> None:
    word = var("role.word", 32)
    assert [each.reads for each in explained(ne(word, 0), shown=[Shown("role.word", word)], decode=read).inputs] == [""]
