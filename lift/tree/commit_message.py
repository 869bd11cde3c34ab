"""What a commit message claims about its own commit."""

import re

_CHANGE = (
    r"(?:(?:functional(?:ity)?|behaviou?ral)(?: or (?:functional|behaviou?ral))? changes?"
    r"|changes? (?:in|of|to) (?:functionality|behaviou?r))"
)
_CLAIM = re.compile(
    rf"\b(?:no|without)(?: any| an?)?(?: (?:intended|intentional|actual|real))? {_CHANGE}\b"
    # "nfc: ..." at the beginning is a subsystem, and net/nfc a folder.
    r"|(?<![\w/.-])NFCI?(?![\w/-])(?<!^nfc(?=:))",
    re.IGNORECASE,
)
_DENIED = re.compile(
    r"(?:\b(?:not|never|hardly|almost|nearly|\w+n't)(?: (?:an?|quite|really|strictly|entirely))*|\bnon-?) ?[\"'(]?$",
    re.IGNORECASE,
)
_LIMITED = re.compile(
    r"[ ,;:(-]*(?:(?:is |are )?(?:intended|expected|meant))?[ ,;:(-]*"
    r"(?:except|other than|apart from|aside from|besides|beyond)\b",
    re.IGNORECASE,
)
# A subject in quotes is some other commit's.
_QUOTED = re.compile(r'\("[^"]*"\)|^Revert "[^"]*"')


def claims_no_change(message: str) -> bool:
    """Whether a commit message says that nothing changes in what the code does.

    That is "no functional change (intended)", "no change in behavior" and the like, or NFC as a word, and not the
    opposite, a claim with an exception, or the subject of another commit.
    """
    text = _QUOTED.sub("", " ".join(message.split()))
    return any(
        not _DENIED.search(text[: claim.start()]) and not _LIMITED.match(text[claim.end() :])
        for claim in _CLAIM.finditer(text)
    )
