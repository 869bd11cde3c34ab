"""What the mail of a patch says, and what is a mail at all."""

from __future__ import annotations

import pytest

from mmuproof.lift.tree.patch_text import as_mailbox, mailed

DIFF = "diff --git a/f b/f\n--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n+b\n"


def mail(subject: str, body: str, *headers: str) -> bytes:
    head = ["From 1234 Mon Sep 17 00:00:00 2001", "From: A <a@example.org>", *headers, f"Subject: {subject}"]
    return ("\n".join(head) + f"\n\n{body}").encode()


@pytest.mark.parametrize(
    ("subject", "told", "number"),
    [
        ("[PATCH] KVM: x86: Fix it", "KVM: x86: Fix it", None),
        ("[PATCH v3 2/12] KVM: x86: Fix it", "KVM: x86: Fix it", (2, 12)),
        ("[RFC PATCH 00/3] KVM: x86", "KVM: x86", (0, 3)),
        ("[PATCH 1/2] [KVM] Fix it", "Fix it", (1, 2)),
        ("KVM: x86: Fix [it] 1/2", "KVM: x86: Fix [it] 1/2", None),
        ("=?utf-8?q?KVM=3A_Z=C3=BCrich?=", "KVM: Zürich", None),
        ("[PATCH] KVM: x86: A subject that is\n on two lines", "KVM: x86: A subject that is on two lines", None),
    ],
)
def test_the_subject_is_told_without_what_stands_in_brackets(
    subject: str, told: str, number: tuple[int, int] | None
) -> None:
    found = mailed("x", mail(subject, f"Why.\n\n---\n{DIFF}"))
    assert (found.subject, found.number) == (told, number)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (f"Why.\n\nNo functional change.\n---\n f | 2 +-\n\n{DIFF}", "S\n\nWhy.\n\nNo functional change."),
        (f"Why.\n{DIFF}", "S\n\nWhy."),
        ("Only words.\n", "S\n\nOnly words."),
        (DIFF, "S"),
    ],
)
def test_the_message_ends_where_the_patch_begins(body: str, message: str) -> None:
    assert mailed("x", mail("S", body)).message == message


def test_an_encoded_message_is_read() -> None:
    headers = ("Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: quoted-printable")
    assert mailed("x", mail("S", "No func=\ntional change=2E\n", *headers)).message == "S\n\nNo functional change."


@pytest.mark.parametrize("content", [mail("S", "x"), mail("S", DIFF).partition(b"\n")[2], b"Subject: S\n\nx\n"])
def test_a_mail_is_a_mailbox_of_one(content: bytes) -> None:
    box = as_mailbox(content)
    assert box is not None
    assert box.startswith(b"From ")
    assert box.endswith(content)


@pytest.mark.parametrize("content", [b"", DIFF.encode(), b"hello\n", b"To: a@example.org\n\nx\n", b"Subject: S\n"])
def test_what_has_no_subject_and_body_is_no_mail(content: bytes) -> None:
    assert as_mailbox(content) is None
