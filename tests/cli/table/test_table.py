from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner
from typer.testing import Result as CliResult

from mmuproof.cli.grids.layouts import access_bits, special_values, spte_layout
from mmuproof.cli.grids.permissions import FilledTable, TableCell, filled
from mmuproof.cli.main import build_app
from mmuproof.cli.shared.catalogue import Installed
from mmuproof.cli.table import command
from mmuproof.model.defects.catalogue import DEFECTS
from mmuproof.model.kvm import Kvm
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.catalogue import THEOREMS
from mmuproof.proofs.permission.tables import PERMISSION_TABLES
from tests.cli.formats.ktap_rules import checked
from tests.cli.formats.page_rules import checked_page
from tests.cli.formats.test_junit import SCHEMA as JUNIT
from tests.cli.formats.test_sarif import told as sarif
from tests.cli.telling.schema import valid


@pytest.fixture(scope="module", autouse=True)
def _outside_of_any_tree(tmp_path_factory: pytest.TempPathFactory) -> None:
    pytest.MonkeyPatch().chdir(tmp_path_factory.mktemp("nowhere"))


def run(*words: object) -> CliResult:
    return CliRunner().invoke(build_app(Installed()), ["table", *map(str, words)])


def of(name: str, kvm: Kvm | None = None) -> FilledTable:
    (theorem,) = [each for each in THEOREMS if each.name == name]
    return filled(kvm or ReferenceKvm(), theorem)


def with_defect(name: str) -> Kvm:
    make = DEFECTS[name].on_reference
    assert make is not None
    return make()


def cell(table: FilledTable, access: str, *names: str) -> TableCell:
    """What becomes of an access with some ACC_* bits."""
    wanted = sum(1 << bit for bit, name in table.flags if name in names)
    (row,) = [row for row in table.rows if row.says == access]
    return row.cells[table.columns.index(wanted)]


@pytest.mark.parametrize("name", PERMISSION_TABLES)
def test_kvm_and_the_manual_agree_and_both_allow_and_deny(name: str) -> None:
    table = of(name)
    there = {cell for row in table.rows for cell in row.cells}
    assert (
        {TableCell.BOTH_ALLOW, TableCell.BOTH_DENY}
        <= there
        <= {TableCell.BOTH_ALLOW, TableCell.BOTH_DENY, TableCell.NOT_ASSUMED}
    )


# By hand, from SDM 31.3.3.2, APM Table 15-21, and SDM 5.6.1.
@pytest.mark.parametrize(
    ("name", "access", "bits", "expected"),
    [
        ("permission.ept-mbec", "fetch, user-mode address", ["USER_EXEC"], TableCell.BOTH_ALLOW),
        ("permission.ept-mbec", "fetch, user-mode address", ["READ", "EXEC"], TableCell.BOTH_DENY),
        ("permission.ept-mbec", "fetch, supervisor-mode address", ["EXEC"], TableCell.BOTH_ALLOW),
        ("permission.ept-mbec", "data read, user-mode address", ["EXEC", "USER_EXEC"], TableCell.BOTH_DENY),
        ("permission.ept", "fetch, user-mode address", ["EXEC"], TableCell.BOTH_ALLOW),
        ("permission.ept", "fetch, user-mode address", ["USER_EXEC"], TableCell.BOTH_DENY),
        ("permission.npt", "read, any CPL", ["READ", "WRITE", "EXEC"], TableCell.BOTH_DENY),
        ("permission.npt", "fetch, any CPL", ["READ", "USER"], TableCell.BOTH_DENY),
        ("permission.npt-gmet", "fetch, CPL 0 to 2", ["READ", "USER", "EXEC"], TableCell.BOTH_DENY),
        ("permission.npt-gmet", "fetch, CPL 3", ["READ", "USER", "EXEC"], TableCell.BOTH_ALLOW),
        ("permission.npt-gmet", "fetch, CPL 0 to 2", ["READ", "EXEC"], TableCell.BOTH_ALLOW),
        ("permission.npt-gmet", "write, CPL 3", ["READ", "WRITE"], TableCell.BOTH_ALLOW),
        ("permission.paging", "supervisor fetch", ["READ", "USER", "EXEC"], TableCell.BOTH_DENY),
        ("permission.paging", "supervisor fetch, SMEP=0", ["READ", "USER", "EXEC"], TableCell.BOTH_ALLOW),
        ("permission.paging", "supervisor read, EFLAGS.AC=1", ["READ", "USER"], TableCell.BOTH_ALLOW),
        ("permission.paging", "implicit read, EFLAGS.AC=1", ["READ", "USER"], TableCell.BOTH_DENY),
        ("permission.pkeys", "user read, AD", ["READ", "USER"], TableCell.BOTH_DENY),
        ("permission.pkeys", "user fetch, AD", ["READ", "USER", "EXEC"], TableCell.BOTH_ALLOW),
        ("permission.pkeys", "supervisor write, WD, CR0.WP=0", ["READ", "USER"], TableCell.BOTH_ALLOW),
        ("permission.pkeys", "supervisor write, WD", ["READ", "WRITE", "USER"], TableCell.BOTH_DENY),
    ],
)
def test_a_cell_is_what_the_manual_says(name: str, access: str, bits: list[str], expected: TableCell) -> None:
    assert cell(of(name), access, *bits) is expected


@pytest.mark.parametrize(
    ("name", "defect", "access", "bits", "expected"),
    [
        ("permission.ept-mbec", "mbec-ignores-xu", "fetch, user-mode address", ["EXEC"], TableCell.ONLY_KVM_ALLOWS),
        (
            "permission.ept-mbec",
            "mbec-ignores-xu",
            "fetch, user-mode address",
            ["USER_EXEC"],
            TableCell.ONLY_MANUAL_ALLOWS,
        ),
        ("permission.ept", "ept-read-ignored", "data read, user-mode address", ["WRITE"], TableCell.ONLY_KVM_ALLOWS),
        ("permission.npt", "nx-ignored", "fetch, any CPL", ["READ", "USER"], TableCell.ONLY_KVM_ALLOWS),
        ("permission.npt-gmet", "gmet-u-restricts-data", "read, CPL 3", ["READ"], TableCell.ONLY_MANUAL_ALLOWS),
        (
            "permission.pkeys",
            "pkey-write-ignores-wp",
            "supervisor write, WD",
            ["READ", "WRITE", "USER"],
            TableCell.ONLY_KVM_ALLOWS,
        ),
        ("permission.paging", "smep-ignored", "supervisor fetch", ["READ", "USER", "EXEC"], TableCell.ONLY_KVM_ALLOWS),
    ],
)
def test_a_mistake_in_kvm_is_marked(name: str, defect: str, access: str, bits: list[str], expected: TableCell) -> None:
    broken, right = of(name, with_defect(defect)), of(name)
    assert broken.differs
    assert cell(broken, access, *bits) is expected
    # The manual's side stays what it was.
    manual = {TableCell.BOTH_ALLOW: True, TableCell.ONLY_MANUAL_ALLOWS: True}
    assert [[manual.get(each, False) for each in row.cells] for row in broken.rows] == [
        [manual.get(each, False) for each in row.cells] for row in right.rows
    ]


def test_a_difference_is_printed_and_makes_the_exit_status_1() -> None:
    done = run("permission.ept-mbec", "--defect", "mbec-ignores-xu")
    assert done.exit_code == 1
    assert "fetch, user-mode address             - - - - M M M M K K K K + + + +   8 differ" in done.stdout
    assert "KVM and the manual differ in 8 cells" in done.stdout
    assert run("permission.ept-mbec").exit_code == 0


def test_each_access_bit_becomes_one_bit_of_permission() -> None:
    becomes = {each.names: dict(each.becomes) for each in access_bits(ReferenceKvm(), tuple(Vendor))}
    assert becomes["ACC_EXEC_MASK",] == {
        Vendor.INTEL: ("XS · shadow_xs_mask (bit 2)",),
        Vendor.AMD: ("not NX · shadow_nx_mask (bit 63)",),
        Vendor.SHADOW: ("not NX · shadow_nx_mask (bit 63)",),
    }
    assert becomes["ACC_USER_MASK", "ACC_USER_EXEC_MASK"][Vendor.INTEL] == ("XU · shadow_xu_mask (bit 10)",)
    assert becomes["ACC_USER_MASK", "ACC_USER_EXEC_MASK"][Vendor.AMD] == ("U · shadow_user_mask (bit 2)",)
    assert becomes["ACC_READ_MASK",][Vendor.INTEL] == ("R · VMX_EPT_READABLE_MASK (bit 0)",)


def test_layouts_of_two_kernels_are_held_against_each_other() -> None:
    kernels = [ReferenceKvm(), with_defect("mmu-writable-in-saved-slot")]
    layout = spte_layout(kernels, Vendor.INTEL, 1)
    assert sum(row.high - row.low + 1 for row in layout.rows) == 64
    assert "shadow_mmu_writable_mask" in {name for row in layout.rows if row.differs for name in row.kernels}
    assert not any(row.differs for row in spte_layout([ReferenceKvm()] * 2, Vendor.AMD, 2).rows)
    assert ("FROZEN_SPTE", (0x80000000000001A0,) * 2) in [(each.name, each.values) for each in special_values(kernels)]


def test_the_results_file_has_both_sides(tmp_path: Path) -> None:
    file = tmp_path / "table.json"
    assert run("permission.ept-mbec", "--defect", "mbec-ignores-xu", "--json", file).exit_code == 1
    rows = {row["access"]: row["cells"] for row in valid(file.read_text("utf-8"))["rows"]}
    assert {"acc": ["ACC_EXEC"], "manual": False, "kvm": True} in rows["fetch, user-mode address"]
    assert run("acc", "--json", file).exit_code == 0
    assert valid(file.read_text("utf-8"))["table"] == "acc"
    assert run("spte-layout", "--vendor", "intel", "--json", file).exit_code == 0
    assert valid(file.read_text("utf-8"))["values"]["FROZEN_SPTE"] == ["0x80000000000001a0"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "table takes one NAME"),
        (["permission.ept-mbce"], "did you mean permission.ept-mbec"),
        (["permission.history-free"], "permission.history-free is no table of accesses"),
        (["spte-layuot"], "did you mean spte-layout"),
        (["permission.ept", "--vendor", "amd"], "permission.ept is of intel"),
        (["acc", "--kernel", "a", "--kernel", "b"], "acc is shown of one --kernel"),
        (["acc", "--defect", "nx-ignroed"], "did you mean nx-ignored"),
        (["acc", "--config", "x"], "--config goes with a --kernel"),
    ],
)
def test_wrong_usage_is_told(words: list[str], message: str) -> None:
    done = run(*words)
    assert done.exit_code == 2
    assert message in done.stderr


@pytest.mark.kernel
@pytest.mark.long
def test_a_kernel_without_mbec_says_so_and_layouts_are_the_trees(kernel_tree: object) -> None:
    old, new = kernel_tree("6.12"), kernel_tree("7.2")  # type: ignore[operator]
    done = run("permission.ept-mbec", "--kernel", old)
    assert done.exit_code == 0
    assert "lacks mode-based execute control (MBEC): no table" in done.stdout
    assert "KVM and the manual agree" in run("permission.ept-mbec", "--kernel", new).stdout
    both = run("spte-layout", "--vendor", "intel", "--kernel", old, "--kernel", new)
    (moved,) = [line for line in both.stdout.splitlines() if line.split()[1:2] == ["55"]]
    assert moved.lstrip().startswith("*")
    assert moved.rstrip().endswith("shadow_mmu_writable_mask")


MBEC = ("permission.ept-mbec", "--defect", "mbec-ignores-xu", "--kernel", "reference")


def test_a_permission_table_is_told_in_every_format(tmp_path: Path) -> None:
    names = ("json", "junit", "sarif", "ktap", "github", "markdown", "editor", "html")
    files = {name: tmp_path / name for name in names}
    ran = run(*MBEC, *(word for name, file in files.items() for word in ("--format", f"{name}={file}")))
    assert ran.exit_code == 1
    texts = {name: file.read_text() for name, file in files.items()}
    assert valid(texts["json"])["findings"][0]["variant"] == "fetch, user-mode address"
    JUNIT.validate(texts["junit"])
    assert [each["ruleId"] for each in sarif(texts["sarif"])["results"]] == ["permission.ept-mbec"]
    (area,) = checked(texts["ktap"])
    assert [each.passed for each in area.subtests] == [True] * 5 + [False]
    assert texts["github"].count("::error ") == 1
    assert "KVM alone allows it with EXEC, " in texts["editor"]
    assert texts["markdown"].startswith("### mmuproof table: Something is wrong.\n")
    assert "KVM and the manual differ in 8 cells." in checked_page(texts["html"]).text


def test_against_a_baseline_a_table_counts_only_what_is_new(tmp_path: Path) -> None:
    before = tmp_path / "before.json"
    quiet = run(*MBEC, "--quiet", "--json", before)
    assert (quiet.exit_code, len(quiet.stdout.splitlines())) == (1, 1)
    assert run(*MBEC, "--baseline", before, "-q").exit_code == 0


@pytest.mark.parametrize(
    ("words", "sections"),
    [
        (("acc",), ("ACC_*", "What each ACC_* bit becomes")),
        (("spte-layout",), ("SPTEs", "The values of constants")),
        (("spte-layout", "--kernel", "reference", "--kernel", "reference"), ("reference (1)", "They do not differ.")),
    ],
)
def test_a_table_that_decides_nothing_is_a_page_of_pictures(
    words: tuple[str, ...], sections: tuple[str, ...], tmp_path: Path
) -> None:
    page, results = tmp_path / "page.html", tmp_path / "results.json"
    assert run(*words, "--format", f"html={page}", "--json", results).exit_code == 0
    told = checked_page(page.read_text())
    assert all(each in told.text for each in sections)
    assert "What is wrong" not in told.text
    assert valid(results.read_text())["findings"] == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("acc", "--format", "sarif=x"), "acc decides nothing: it is told as console, json, html, and not as sarif=x"),
        (("spte-layout", "-q"), "spte-layout decides nothing: no --baseline or --quiet"),
    ],
)
def test_a_table_that_decides_nothing_counts_nothing(words: tuple[str, ...], message: str) -> None:
    ran = run(*words)
    assert ran.exit_code == 2
    assert message in ran.output


def test_a_shell_is_offered_the_tables_that_there_are() -> None:
    assert (*PERMISSION_TABLES, command.ACC, command.SPTE_LAYOUT) == command._TABLES
