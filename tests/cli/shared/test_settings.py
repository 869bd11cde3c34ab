"""What a user has settled once: which place goes first, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmuproof.cli.shared.errors import UsageProblem
from mmuproof.cli.shared.settings import FILE, Setting, Surroundings, chosen

NAMES = {"kernel": "kernel", "vendor": "vendors", "jobs": "jobs", "config": "config", "allow-known": "allow_known"}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder that looks like a kernel tree from outside, in which a user stands."""
    root = tmp_path / "linux"
    for folder in ("arch/x86/kvm/mmu", "include/linux", "virt/kvm"):
        (root / folder).mkdir(parents=True)
    for file in ("Makefile", "arch/x86/kvm/mmu/mmu.c"):
        (root / file).touch()
    (tmp_path / "home").mkdir()
    return root


def around(tree: Path, folder: str = ".", **environment: str) -> Surroundings:
    return Surroundings(folder=tree / folder, home=tree.parent / "home", environment=environment)


@pytest.mark.parametrize("folder", [".", "arch/x86", "arch/x86/kvm/mmu", "virt"])
def test_the_tree_around_a_folder_is_the_kernel(folder: str, tree: Path) -> None:
    found = around(tree, folder).settings()["kernel"]
    assert found.value in (str(tree), str(tree / "."))
    assert found.where == "the tree around the current folder"


def test_outside_of_a_tree_nothing_is_settled(tree: Path) -> None:
    assert around(tree, "..").settings() == {}


def test_the_environment_goes_before_the_trees_file_and_that_before_the_users(tree: Path) -> None:
    (tree.parent / "home" / FILE).write_text('vendor = "amd"\njobs = 3\nallow-known = true\n')
    (tree / FILE).write_text('vendor = ["intel", "amd"]\njobs = 2\n')
    found = around(tree, MMUPROOF_JOBS="1").settings()
    assert {name: each.value for name, each in found.items() if name != "kernel"} == {
        "vendor": ("intel", "amd"),
        "jobs": 1,
        "allow-known": True,
    }
    assert [found[name].where for name in ("vendor", "jobs", "allow-known")] == [
        str(tree / FILE),
        "$MMUPROOF_JOBS",
        str(tree.parent / "home" / FILE),
    ]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("reference", "reference"),
        ("/other@v7.2", "/other@v7.2"),
        ("~/linux", "~/linux"),
        ("other", "{home}/other"),
        ("../other", "{home}/../other"),
    ],
)
def test_the_users_file_names_any_kernel(written: str, meant: str, tree: Path) -> None:
    home = tree.parent / "home"
    (home / FILE).write_text(f'kernel = "{written}"\n')
    assert around(tree, "..").settings()["kernel"].value == meant.format(home=home)


@pytest.mark.parametrize(("written", "meant"), [("reference", "reference"), ("@v7.2", "{tree}@v7.2")])
def test_a_trees_file_names_a_revision_of_it(written: str, meant: str, tree: Path) -> None:
    (tree / FILE).write_text(f'kernel = "{written}"\n')
    assert around(tree, "arch").settings()["kernel"].value == meant.format(tree=tree)


@pytest.mark.parametrize(
    "text",
    [
        "kernel = '/other'",
        "kernel = '../other'",
        "kernel = '../linux2@v7.2'",
        "kernel = '~/linux'",
        "config = '/etc/passwd'",
        "config = '../secret'",
        "config = '~/.config'",
        "config = 'linked'",
    ],
)
def test_a_trees_file_leads_to_nothing_outside_of_it(text: str, tree: Path) -> None:
    (tree.parent / "secret").write_text("SECRET = value\n")
    (tree / "linked").symlink_to(tree.parent / "secret")
    (tree / FILE).write_text(text)
    with pytest.raises(UsageProblem) as problem:
        around(tree).settings()
    assert "SECRET" not in problem.value.message
    assert "this tree" in problem.value.message


def test_a_trees_file_that_is_a_link_is_not_read(tree: Path) -> None:
    (tree.parent / "secret").write_text("SECRET = 'value'\n")
    (tree / FILE).symlink_to(tree.parent / "secret")
    with pytest.raises(UsageProblem) as problem:
        around(tree).settings()
    assert problem.value.message == f"{tree / FILE} is a link: it is not read"


def test_a_configuration_in_a_file_is_beside_it(tree: Path) -> None:
    (tree / FILE).write_text('config = ".config"\n')
    assert around(tree, "arch").settings()["config"].value == tree / ".config"


@pytest.mark.parametrize(
    ("variables", "value"),
    [
        ({"MMUPROOF_KERNEL": "@v7.2"}, "@v7.2"),
        ({"MMUPROOF_VENDOR": "intel,shadow"}, ("intel", "shadow")),
        ({"MMUPROOF_CONFIG": "my.config"}, Path("my.config")),
        ({"MMUPROOF_ALLOW_KNOWN": "yes"}, True),
        ({"MMUPROOF_ALLOW_KNOWN": "0"}, False),
    ],
)
def test_a_variable_of_the_environment_is_read(variables: dict[str, str], value: object, tree: Path) -> None:
    (name,) = (each.removeprefix("MMUPROOF_").lower().replace("_", "-") for each in variables)
    assert around(tree, **variables).settings()[name].value == value


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("kernel = ", "cannot be read"),
        ("kernal = 'x'", "there is no setting 'kernal'; there are kernel, vendor, jobs, config, allow-known"),
        ("jobs = 0", "jobs is to be a number from 1 on"),
        ("jobs = true", "jobs is to be a number from 1 on"),
        ("allow-known = 1", "allow-known is to be true or false"),
        ("vendor = [1]", "vendor is to be text in quotes"),
        ("kernel = ''", "kernel is to be text in quotes"),
    ],
)
def test_what_is_wrong_in_a_file_is_told_with_the_file(text: str, says: str, tree: Path) -> None:
    (tree / FILE).write_text(text)
    with pytest.raises(UsageProblem) as problem:
        around(tree).settings()
    assert str(tree / FILE) in problem.value.message
    assert says in problem.value.message


def test_a_variable_that_is_no_number_is_told() -> None:
    with pytest.raises(UsageProblem, match=r"^\$MMUPROOF_JOBS is to be a number from 1 on$"):
        Surroundings(folder=Path("/"), home=Path("/"), environment={"MMUPROOF_JOBS": "many"}).settings()


def test_the_command_line_goes_before_all() -> None:
    found = {"kernel": Setting("/linux", "here"), "jobs": Setting(2, "there")}
    assert chosen({"kernel": "/other"}, found, NAMES) == {"jobs": found["jobs"]}


@pytest.mark.parametrize(
    ("told", "taken"), [({}, True), ({"kernel": "/other"}, True), ({"kernel": "reference"}, False)], ids=str
)
def test_a_configuration_is_not_taken_for_the_reference_model(told: dict[str, str], taken: bool) -> None:
    found = {"kernel": Setting("/linux", "here"), "config": Setting(Path("x"), "there")}
    assert ("config" in chosen(told, found, NAMES)) is taken


def test_a_command_is_told_only_what_it_can_be_told() -> None:
    found = {"kernel": Setting("/linux", "here"), "allow-known": Setting(True, "there")}
    assert chosen({}, found, {"kernel": "kernel"}) == {"kernel": found["kernel"]}
