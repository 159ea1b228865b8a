"""Types of attributes, with what the OpenAPI document says of them."""

from typing import Annotated

from msgspec import Meta

from dora_exporter.dora.events import FAILED_OUTCOMES, SUCCEEDED
from dora_exporter.web.api.schema import fields


def described(description: str, **more: object) -> Meta:
    """A description and limits for the OpenAPI document only: ``fields.py`` validates, with readable messages."""
    return Meta(description=description, extra_json_schema=more)


SINCE_2000 = fields.EARLIEST_MS // 1000
Time = Annotated[int, described(f"{fields.UNIX_TIME}, from the year 2000 on.", minimum=SINCE_2000)]
CommitTime = Annotated[int, described(f"{fields.UNIX_TIME}.", minimum=0)]
AnyTime = Annotated[int | str, described(f"{fields.UNIX_TIME}, from the year 2000 on, or an RFC 3339 date-time.")]
AnyCommitTime = Annotated[int | str, described(f"{fields.UNIX_TIME}, or an RFC 3339 date-time.")]
Label = Annotated[
    str, described("1 to 200 printable characters, but not `_other`.", minLength=1, maxLength=fields.LABEL_LENGTH)
]
OptionalLabel = Annotated[
    str | None, described("An empty value counts as absent. Must not be `_other`.", maxLength=fields.LABEL_LENGTH)
]
Environment = Annotated[
    str | None, described("An alias of `env`, used where that is absent.", maxLength=fields.LABEL_LENGTH)
]
OptionalText = Annotated[str | None, described("An empty value counts as absent.", maxLength=fields.TEXT_LENGTH)]
Title = Annotated[str | None, described("What people call it.", maxLength=fields.NAME_LENGTH)]
Id = Annotated[str | None, described("Sent again, it replaces the event.", pattern=f"^{fields.ID_PATTERN}$")]
OwnId = Annotated[str | None, described("Sent again, it replaces the event.", pattern=f"^{fields.OWN_ID_PATTERN}$")]
Sha = Annotated[str, described("The commit.", pattern=f"^{fields.SHA_PATTERN}$")]
Url = Annotated[str, described("In any form that Git takes.", minLength=1, maxLength=fields.URL_LENGTH)]
SHIPPED = described("What it shipped. The newest 5000 are kept.")
AttemptOutcome = Annotated[
    str | None,
    described(
        "How the attempt ended; `succeeded` where it is absent. Others count as attempts only.",
        enum=[SUCCEEDED, *FAILED_OUTCOMES, None],
    ),
]
Tags = Annotated[list[str] | None, described("Best as `key:value`.", maxItems=fields.MAX_TAGS)]
