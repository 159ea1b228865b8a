"""Parses commit messages: the subject, and what the commit reverts.

Git, Gerrit and Git hosts write reverts in many forms. Commits from everywhere are parsed here.
"""

import re
from collections.abc import Iterator

from dora_exporter.dora.events import Commit

LONGEST_SUBJECT = 300
_LONGEST_PARAGRAPH = 4 * LONGEST_SUBJECT
_LONGEST_KEY = 200
_MOST_REVERTED = 100

_PARAGRAPHS = re.compile(r"\n[ \t\n]*\n")
_SHA = r"(?:[0-9a-f]{64}|[0-9a-f]{7,40})\b"
_SHAS = re.compile(
    rf"\bthis\s+reverts\s+commits?\s+[`\[<(]*(?:\S*[/@])?{_SHA}(?:(?:,\s*(?:and\s+)?|\s+and\s+|\s*&\s*){_SHA})*",
    re.IGNORECASE,
)
"""For a merge Git continues ``, reversing changes made to <sha>``, which names the state before the merge."""
_REQUEST = r"(?:\S*[#!]|\S*/(?:pulls?|pull-requests|pullrequest|merge_requests)/)\d{1,9}\b"
_REQUESTS = re.compile(
    rf"\breverts\s+(?:(?:merge|pull)\s+request\s+)?{_REQUEST}(?:(?:,\s*(?:and\s+)?|\s+and\s+){_REQUEST})*",
    re.IGNORECASE,
)
_EACH_SHA = re.compile(rf"(?<![0-9a-z]){_SHA}")
_EACH_NUMBER = re.compile(r"[#!/](\d{1,9})(?=[\s,]|$)")
_QUOTING_LINE = re.compile(
    r"""^[ \t]*+(?:[*-][ \t]*+)?((?:revert|reapply)(?:\^\d{1,3})? ["'“].+)$""", re.IGNORECASE | re.MULTILINE
)

_SUFFIX = re.compile(r" \((?:[\w./-]*[#!]|pull request #)(\d{1,9})\)$")
"""The end of a squash commit's subject: the number of its pull request."""
_NUMBERED = (
    re.compile(r"^Merge pull request #(?P<number>\d{1,9}) (?:from|in) "),
    re.compile(r"^Merged in \S+ \(pull request #(?P<number>\d{1,9})\)"),
    re.compile(r"^(?:Merged PR|Pull request #?) ?(?P<number>\d{1,9}): (?P<title>.+)"),
    re.compile(r"^Merge pull request '(?P<title>.+)' \(#(?P<number>\d{1,9})\) from "),
)
"""The subjects of merge commits by host. Some have the title in the same line, others in the next paragraph."""
_GITLAB_MERGE = re.compile(r"^Merge branch '")
_GITLAB_NUMBER = re.compile(r"^See merge request \S*!(\d{1,9})\s*$", re.MULTILINE)

_QUOTING = re.compile(r"""^(revert(?:\^(\d{1,3}))?|reapply) ["'“](.+)$""", re.IGNORECASE | re.DOTALL)
_LONGEST_MESSAGE = 1 << 16
_CLOSING = "\"'”"


def parse_commit(sha: str, authored_at: int, message: str) -> Commit:
    """A commit with the subject and the reverts of its message, as far as people would read it."""
    message = message[:_LONGEST_MESSAGE]
    return Commit(sha, authored_at, subject_of(message), _stored(tuple(_reverted_names(message))))


def subject_of(message: str) -> str | None:
    """The first paragraph of a message in one line, without unprintable characters; None for an empty one.

    The subject of a merge is the title of its pull request, with the number as in a squash commit.
    """
    first, _, rest = _unified(message).partition("\n\n")
    subject = _line(first)
    number, title = _request_of(subject)
    if number is None and _GITLAB_MERGE.match(subject):
        found = _GITLAB_NUMBER.search(rest)
        number = found[1] if found else None
    if number is None:
        return subject or None
    follows = _line(rest.partition("\n\n")[0])
    title = title or ("" if follows.startswith("See merge request ") else follows) or plain(subject)
    return f"{title[: LONGEST_SUBJECT - 20]} (#{number})"


def named_reverts(commit: Commit) -> tuple[str, ...]:
    """What the message of a commit reverts, besides what its subject quotes.

    Each is a SHA (perhaps abbreviated), the number of a pull request after ``#``, or a line that quotes a subject.
    """
    if commit.reverts is None:
        return ()
    return (commit.reverts,) if isinstance(commit.reverts, str) else commit.reverts


def plain(subject: str) -> str:
    """A subject without the number of a pull request at its end."""
    return _SUFFIX.sub("", subject) if subject.endswith(")") else subject


def key_of(subject: str) -> str:
    """The key of a subject, which is equal for a quotation that was cut."""
    _, title = _request_of(subject)
    return plain(title or subject)[:_LONGEST_KEY]


def number_of(subject: str) -> str | None:
    """The number of the pull request in a subject."""
    suffix = _SUFFIX.search(subject) if subject.endswith(")") else None
    return suffix[1] if suffix else _request_of(subject)[0]


def quoted_by(text: str) -> str | None:
    """The subject that a text quotes as reverted; None if it is not a revert.

    Git writes ``Reapply "x"`` for the revert of ``Revert "x"``, Gerrit writes ``Revert^2 "x"``.
    """
    found = _QUOTING.match(plain(text)) if text[:2].lower() == "re" else None  # most subjects are skipped fast
    if not found:
        return None
    quoted = found[3][:-1] if found[3][-1] in _CLOSING else found[3]
    times = 2 if found[1].lower() == "reapply" else int(found[2] or 1)
    if times <= 1:
        return quoted
    return f'Revert "{quoted}"' if times == 2 else f'Revert^{times - 1} "{quoted}"'  # noqa: PLR2004  # as Gerrit counts


def is_revert(text: str) -> bool:
    """Whether a subject is that of a revert, after all quoted reverts of reverts are followed."""
    depth = 0
    quoted = quoted_by(text)
    while quoted is not None:
        depth += 1
        quoted = quoted_by(quoted)
    return depth % 2 == 1


def _reverted_names(message: str) -> Iterator[str]:
    found = list(dict.fromkeys(_named_by(message)))
    yield from found[:_MOST_REVERTED]
    if not found:
        _, _, rest = _unified(message).partition("\n\n")
        lines = dict.fromkeys(_line(each[1]) for each in _QUOTING_LINE.finditer(rest))
        yield from [line for line in lines if quoted_by(line)][:_MOST_REVERTED]


def _named_by(message: str) -> Iterator[str]:
    for said in _SHAS.finditer(message):
        yield from _EACH_SHA.findall(said[0].lower())
    for said in _REQUESTS.finditer(message):
        yield from (f"#{number}" for number in _EACH_NUMBER.findall(said[0]))


def _stored(said: tuple[str, ...]) -> str | tuple[str, ...] | None:
    """A single one is stored as a string, as it was before there could be several."""
    return said if len(said) > 1 else next(iter(said), None)


def _request_of(subject: str) -> tuple[str | None, str | None]:
    """The number and the title of the pull request in the subject of a merge."""
    for form in _NUMBERED if subject.startswith(("Merge", "Pull request")) else ():
        found = form.match(subject)
        if found:
            return found["number"], found.groupdict().get("title")
    return None, None


def _unified(message: str) -> str:
    """A message with uniform line ends, and one empty line between paragraphs."""
    return _PARAGRAPHS.sub("\n\n", message.replace("\r\n", "\n").strip())


def _line(paragraph: str) -> str:
    line = " ".join(paragraph[:_LONGEST_PARAGRAPH].split())
    return "".join(each for each in line if each.isprintable())[:LONGEST_SUBJECT]
