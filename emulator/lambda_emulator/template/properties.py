"""The properties of one resource, each resolved and checked when it is asked for.

A wrong type names its line.
"""

from collections.abc import Collection, Iterator
from typing import Any, overload

from lambda_emulator.template.cloudformation import Document
from lambda_emulator.template.document import Node, TemplateError, to_text

__all__ = ["Properties", "merged"]


class Properties:
    """`owner` is named in errors. All readers raise TemplateError."""

    def __init__(self, document: Document, owner: str, node: Node) -> None:
        self.document = document
        self.owner = owner
        self.node = node

    @classmethod
    def of(cls, document: Document, logical_id: str, shared: Node | None = None) -> "Properties":
        """A resource's own, over what Globals has for its type."""
        resource = document.resources.get(logical_id)
        resource = resource if isinstance(resource, Node) else Node(1)
        own = resource.get("Properties", Node(resource.line))
        if not isinstance(own, Node):
            line = resource.lines["Properties"]
            raise document.error(line, f"{logical_id}: Properties is not a mapping")
        return cls(document, logical_id, own if shared is None else merged(shared, own))

    def line(self, key: str) -> int:
        return self.node.lines.get(key, self.node.line)

    def error(self, key: str, message: str) -> TemplateError:
        return self.document.error(self.line(key), f"{self.owner}: {message}")

    def caution(self, key: str, message: str) -> None:
        self.document.caution(self.line(key), f"{self.owner}: {message}")

    def value(self, key: str) -> Any:
        """Whatever it is; None where it is not given."""
        return self.document.resolve(self.node.get(key))

    def text(self, key: str, default: str) -> str:
        value = self.value(key)
        if isinstance(value, dict | list):
            raise self.error(key, f"{key} is {_kind(value)}, not text")
        return default if value is None else to_text(value)

    def choice(self, key: str, allowed: Collection[str], default: str | None) -> str:
        value = self.value(key)
        value = default if value is None else value
        if value not in allowed:
            advice = "; put it in quotes" if to_text(value) in allowed else ""
            raise self.error(key, f"{key} is {value!r}; allowed: {', '.join(allowed)}{advice}")
        return str(value)

    @overload
    def number(self, key: str, low: int, high: int, default: int) -> int: ...

    @overload
    def number(self, key: str, low: int, high: int, default: None) -> int | None: ...

    def number(self, key: str, low: int, high: int, default: int | None) -> int | None:
        value = self.value(key)
        if value is None:
            return default
        text = to_text(value).strip()
        if isinstance(value, bool | dict | list) or not text.lstrip("-").isdecimal():
            raise self.error(key, f"{key} is {text!r}, not a whole number")
        if not low <= int(text) <= high:
            raise self.error(key, f"{key} is {text}; AWS takes {low} to {high}")
        return int(text)

    def flag(self, key: str) -> bool | None:
        value = self.value(key)
        if isinstance(value, str) and value.lower() in ("true", "false"):
            value = value.lower() == "true"
        if not isinstance(value, bool | None):
            raise self.error(key, f"{key} is {value!r}, not true or false")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list; a single value counts as a list of one."""
        value = self.value(key)
        values = value if isinstance(value, list) else [] if value is None else [value]
        if any(isinstance(item, dict | list) for item in values):
            raise self.error(key, f"{key} is not a list of texts")
        return tuple(map(to_text, values))

    def reference(self, key: str, default: str = "") -> str:
        """The logical id of the resource that it names by Ref; other text as it is."""
        value = self.node.get(key)
        if isinstance(value, Node) and list(value) == ["Ref"]:
            return str(value["Ref"])
        return self.text(key, default)

    def texts_by_name(self, key: str) -> dict[str, str]:
        """A mapping of names to texts; empty where it is not given."""
        inner = self.nested(key)
        if inner is None:
            return {}
        return {str(name): inner.text(name, "") for name in inner.node}

    def inner(self, key: str) -> "Properties":
        """As `nested`; without properties where it is not given."""
        return self.nested(key) or Properties(self.document, self.owner, Node(self.line(key)))

    def nested(self, key: str) -> "Properties | None":
        """A mapping of its own, not yet resolved."""
        value = self.node.get(key)
        if (
            isinstance(value, Node)
            and len(value) == 1
            and self.document.is_intrinsic(next(iter(value)))
        ):
            value = self.document.resolve(value)
        if value is None:
            return None
        if not isinstance(value, Node):
            raise self.error(key, f"{key} is {_kind(value)}, not a mapping")
        return Properties(self.document, self.owner, value)

    def items(self) -> Iterator[tuple[str, "Properties"]]:
        """The members that are mappings, by name."""
        for key in self.node:
            inner = self.nested(key) if isinstance(self.node[key], Node) else None
            if inner is not None:
                yield str(key), inner


def merged(base: Any, own: Any) -> Any:
    """Globals under a resource's own properties (SAM: Globals).

    Mappings merge, lists are added, all else is replaced.
    """
    if isinstance(base, Node) and isinstance(own, Node):
        result = Node(own.line)
        result.lines = base.lines | own.lines
        for key in base | own:
            both = key in base and key in own
            result[key] = merged(base[key], own[key]) if both else own.get(key, base.get(key))
        return result
    if isinstance(base, list) and isinstance(own, list):
        return [*base, *own]
    return own


def _kind(value: Any) -> str:
    return {dict: "a mapping", Node: "a mapping", list: "a list", bool: "true or false"}.get(
        type(value), f"{to_text(value)!r}"
    )
