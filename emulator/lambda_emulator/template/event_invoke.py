"""How a function is invoked asynchronously: `EventInvokeConfig`, and its dead-letter queue."""

from dataclasses import dataclass
from typing import Final

from lambda_emulator.template.cloudformation import Document
from lambda_emulator.template.document import Node, to_text
from lambda_emulator.template.properties import Properties

__all__ = ["Destination", "EventInvoke", "read_event_invoke"]

_RESOURCE: Final = "AWS::Lambda::EventInvokeConfig"


@dataclass(frozen=True, slots=True)
class Destination:
    """`event` is OnSuccess or OnFailure. `arn` is a description where SAM makes the target."""

    event: str
    arn: str

    def __str__(self) -> str:
        return f"{self.event} to {self.arn}"

    @property
    def function_name(self) -> str:
        """The function's name if the ARN is a function's, else ""."""
        _, found, rest = self.arn.partition(":function:")
        return rest.partition(":")[0] if found else ""


@dataclass(frozen=True, slots=True)
class EventInvoke:
    """Documented defaults: two retries, six hours. `maximum_age` is in seconds."""

    maximum_retries: int = 2
    maximum_age: int = 21_600
    on_success: Destination | None = None
    on_failure: Destination | None = None
    dead_letters: str = ""
    """The ARN of a queue or a topic."""


def read_event_invoke(document: Document, logical_id: str, get: Properties) -> EventInvoke:
    """Read how a function is invoked asynchronously.

    Args:
        document: The template, which may have a resource for it.
        logical_id: The function.
        get: The function's own properties.

    Raises:
        TemplateError: A property is wrong.
    """
    config = get.nested("EventInvokeConfig") or _of_resource(document, logical_id, get)
    dead_letters = get.nested("DeadLetterQueue") or get.inner("DeadLetterConfig")
    queue = dead_letters.text("TargetArn", "")
    if config is None:
        return EventInvoke(dead_letters=queue)
    destinations = config.inner("DestinationConfig")
    return EventInvoke(
        maximum_retries=config.number("MaximumRetryAttempts", 0, 2, 2),
        maximum_age=config.number("MaximumEventAgeInSeconds", 60, 21_600, 21_600),
        on_success=_destination(destinations, "OnSuccess"),
        on_failure=_destination(destinations, "OnFailure"),
        dead_letters=queue,
    )


def _of_resource(document: Document, logical_id: str, get: Properties) -> Properties | None:
    names = (logical_id, get.text("FunctionName", logical_id))
    for name, resource in document.resources.items():
        if not isinstance(resource, Node) or resource.get("Type") != _RESOURCE:
            continue
        properties = resource.get("Properties")
        if not isinstance(properties, Node) or not document.is_made(resource):
            continue
        target = document.resolve(properties.get("FunctionName"))
        if to_text(target) in names:
            return Properties(document, name, properties)
    return None


def _destination(config: Properties, event: str) -> Destination | None:
    found = config.nested(event)
    if found is None:
        return None
    kind = found.text("Type", "destination")
    arn = found.text("Destination", "") or f"a new {kind}"
    return Destination(event, arn)
