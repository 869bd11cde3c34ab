"""What commit messages claim."""

import pytest

from mmuproof.lift.tree.commit_message import claims_no_change


@pytest.mark.parametrize(
    "message",
    [
        "Move it\n\nNo functional change intended.\n",
        "Move it\n\nNo functional changes.",
        "Move it\n\nno functional change",
        "Move it\n\nNO FUNCTIONAL CHANGES INTENDED!",
        "Move it\n\nThere is no\nfunctional\n   change intended here.",
        "Move it\n\nNo intended functional change.",
        "Move it without any functional change",
        "Move it\n\nNo functional or behavioral changes.",
        "Move it\n\nNo functionality change.",
        "Move it, NFC",
        "Move it (NFC)",
        "Move it; nfc.",
        "Move it\n\nNFC.\n\nSigned-off-by: A <a@example.org>",
        "NFC",
        "KVM: NFC: Move it",
        "Move it (NFCI)",
        "Move it\n\nNo change in behavior.",
        "Move it\n\nno change in\nbehaviour intended",
        "Move it\n\nNo behavioral change. Apart from that, it is shorter.",
        "Move it\n\nThis does not help anybody. No functional change intended.",
        'Move it\n\nFixes: 0123456789ab ("x86: Break it")\nNo functional change intended.',
    ],
)
def test_claims_that_nothing_changes(message: str) -> None:
    assert claims_no_change(message)


@pytest.mark.parametrize(
    "message",
    [
        "",
        "Change it",
        "Change it\n\nThis is a functional change.",
        "Change it\n\nThis is not NFC.",
        "Change it\n\nThis isn't NFC",
        "Change it\n\nThis is not really an NFC patch",
        "Change it\n\nThis is non-NFC.",
        "Change it\n\nThis patch is not\na no functional change patch.",
        "Change it\n\nThere is no reason that functional changes should wait.",
        "Change it\n\nFunctional change: no.",
        "Change it\n\nA change in behavior.",
        "Change it\n\nNo functional change intended, except for nested guests.",
        "Change it\n\nNo functional change other than the new warning.",
        "nfc: pn533: Change it",
        "NFC: Change it",
        "Change net/nfc/core.c and nfc-tools",
        "Change CONFIG_NFC and nfcsim",
        'Change it\n\nFixes: 0123456789ab ("x86: Move it, NFC")',
        'Change it\n\nSince commit 0123456789ab ("x86: Move it, no functional\nchange intended") it is wrong.',
        'Revert "x86: Move it (NFC)"\n\nIt was wrong.',
    ],
)
def test_claims_no_such_thing(message: str) -> None:
    assert not claims_no_change(message)
