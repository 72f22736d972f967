"""Who is told how a run of a pipeline ended."""

from __future__ import annotations

from typing import Annotated

from pydantic import Discriminator, Field, Tag, model_validator

from mlgitops.core.specs.base import Spec, Url, Wrong

Command = Annotated[list[str], Field(min_length=1)]


class Webhook(Spec):
    """A web address that gets the event as JSON, by POST."""

    webhook: Url = Field(
        description="The address, best as the environment variable that holds it: `${NAME}`."
    )


class Hook(Spec):
    """A command that gets the event as JSON on its standard input."""

    command: Command = Field(description="The words of the command.")


def _kind_of_notice(value: object) -> str | None:
    match value:
        case {"command": _} | Hook():
            return "a command"
        case dict() | Webhook():
            return "a webhook"
        case _:
            return None


Notice = Annotated[
    Annotated[Webhook, Tag("a webhook")] | Annotated[Hook, Tag("a command")],
    Discriminator(
        _kind_of_notice,
        custom_error_type="kind_of_notice",
        custom_error_message="who is told is a webhook or a command",
    ),
]
Notices = Annotated[list[Notice], Field(min_length=1)]


class Notify(Spec):
    """Who is told how a run ended; that they cannot be told fails no run."""

    failure: Notices | None = Field(
        default=None,
        description='Who is told when a run fails: `{webhook: "${NAME}"}` or `{command: [words]}`.',
    )
    success: Notices | None = Field(
        default=None, description="Who is told when a run that did something succeeds."
    )

    @model_validator(mode="after")
    def _tells_somebody(self) -> Notify:
        if self.failure is None and self.success is None:
            raise Wrong("'notify' tells nobody", "add 'failure: …' or 'success: …', or delete it")
        return self
