"""The commit and repository that are deployed: from options, the checkout or the CI server's variables."""

from __future__ import annotations

from argparse import Namespace

from dora_send import checkout
from dora_send.ci import Run
from dora_send.exits import USAGE, Failed


def found(options: Namespace, run: Run | None, notes: list[str]) -> dict[str, str] | None:
    """The attribute ``git``; None, and a note, where one half of it is not known.

    Raises ``Failed`` for a wrong ``--commit``.
    """
    sha, url = _sha(options.commit, run), _repository(options.repository, run)
    if sha and url:
        return {"commit_sha": sha.lower(), "repository_url": url}
    if sha:
        notes.append("without the commit, for no repository is known (give --repository)")
    elif options.repository:
        notes.append("without the repository, for no commit is known (give --commit)")
    return None


def _sha(told: str | None, run: Run | None) -> str | None:
    if told and checkout.is_sha(told):
        return told
    try:
        return checkout.commit_of(told or "HEAD")
    except checkout.Unknown as reason:
        if told:
            raise Failed(USAGE, f"--commit {told} is neither a whole SHA nor known here: {reason}") from None
    return run.commit if run and checkout.is_sha(run.commit) else None


def _repository(told: str | None, run: Run | None) -> str | None:
    if told:
        return checkout.without_secrets(told)
    try:
        return checkout.repository()
    except checkout.Unknown:
        return checkout.without_secrets(run.repository) if run and run.repository else None
