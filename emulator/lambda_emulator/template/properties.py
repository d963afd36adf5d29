"""The properties of one resource, each resolved and checked when it is asked for.

A wrong type names its line.
"""

from collections.abc import Collection, Iterator
from typing import Any, overload

from lambda_emulator.template.cloudformation import Document
from lambda_emulator.template.document import Node, TemplateError, to_text

__all__ = ["Properties", "merged"]


class Properties:
    """The properties of one resource, or one mapping inside them.

    Every method that reads a property raises TemplateError for a value of another type.

    Args:
        document: The template, which resolves intrinsic functions.
        owner: The logical id that error messages name.
        node: The mapping.
    """

    def __init__(self, document: Document, owner: str, node: Node) -> None:
        self.document = document
        self.owner = owner
        self.node = node

    @classmethod
    def of(cls, document: Document, logical_id: str, shared: Node | None = None) -> "Properties":
        """Return a resource's own properties, over those that Globals has for its type.

        Args:
            document: The template.
            logical_id: The resource. One that does not exist has no properties.
            shared: The part of Globals that applies, if any.

        Raises:
            TemplateError: The resource's Properties is not a mapping.
        """
        resource = document.resources.get(logical_id)
        if not isinstance(resource, Node):
            resource = Node(1)
        own = resource.get("Properties", Node(resource.line))
        if not isinstance(own, Node):
            line = resource.lines["Properties"]
            raise document.error(line, f"{logical_id}: Properties is not a mapping")
        if shared is not None:
            own = merged(shared, own)
        return cls(document, logical_id, own)

    def line(self, key: str) -> int:
        return self.node.lines.get(key, self.node.line)

    def error(self, key: str, message: str) -> TemplateError:
        return self.document.error(self.line(key), f"{self.owner}: {message}")

    def caution(self, key: str, message: str) -> None:
        self.document.caution(self.line(key), f"{self.owner}: {message}")

    def value(self, key: str) -> Any:
        """Return the property, resolved, or None if it is not given."""
        return self.document.resolve(self.node.get(key))

    def text(self, key: str, default: str) -> str:
        """Return a scalar as text.

        Raises:
            TemplateError: It is a mapping or a list.
        """
        value = self.value(key)
        if value is None:
            return default
        if isinstance(value, dict | list):
            raise self.error(key, f"{key} is {_kind(value)}, not text")
        return to_text(value)

    def choice(self, key: str, allowed: Collection[str], default: str | None) -> str:
        """Return one of the allowed texts.

        Args:
            key: The property's name.
            allowed: The texts.
            default: The text if it is not given. None means that the property is required.

        Raises:
            TemplateError: It is something else, or missing.
        """
        value = self.value(key)
        if value is None:
            value = default
        if value in allowed:
            return str(value)
        names = ", ".join(allowed)
        advice = ""
        if to_text(value) in allowed:
            advice = "; put it in quotes"
        raise self.error(key, f"{key} is {value!r}; allowed: {names}{advice}")

    @overload
    def number(self, key: str, low: int, high: int, default: int) -> int: ...

    @overload
    def number(self, key: str, low: int, high: int, default: None) -> int | None: ...

    def number(self, key: str, low: int, high: int, default: int | None) -> int | None:
        """Return a whole number, in the property's own unit.

        Args:
            key: The property's name.
            low: The least number that AWS accepts.
            high: The greatest number that AWS accepts.
            default: The number if it is not given.

        Raises:
            TemplateError: It is no whole number, or out of range.
        """
        value = self.value(key)
        if value is None:
            return default
        text = to_text(value).strip()
        is_digits = text.lstrip("-").isdecimal()
        if isinstance(value, bool | dict | list) or not is_digits:
            raise self.error(key, f"{key} is {text!r}, not a whole number")
        number = int(text)
        if not low <= number <= high:
            raise self.error(key, f"{key} is {text}; AWS takes {low} to {high}")
        return number

    def flag(self, key: str) -> bool | None:
        """Return true or false, also if it is given as text, or None if it is not given.

        Raises:
            TemplateError: It is something else.
        """
        value = self.value(key)
        if isinstance(value, str) and value.lower() in ("true", "false"):
            value = value.lower() == "true"
        if not isinstance(value, bool | None):
            raise self.error(key, f"{key} is {value!r}, not true or false")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts. A single value counts as a list of one.

        Raises:
            TemplateError: An item is a mapping or a list.
        """
        value = self.value(key)
        if value is None:
            return ()
        values = value if isinstance(value, list) else [value]
        for item in values:
            if isinstance(item, dict | list):
                raise self.error(key, f"{key} is not a list of texts")
        return tuple(map(to_text, values))

    def reference(self, key: str, default: str = "") -> str:
        """Return the logical id that it names by Ref, or other text unchanged."""
        value = self.node.get(key)
        if isinstance(value, Node) and list(value) == ["Ref"]:
            return str(value["Ref"])
        return self.text(key, default)

    def texts_by_name(self, key: str) -> dict[str, str]:
        """Return a mapping of names to texts: empty if it is not given."""
        inner = self.inner(key)
        return {str(name): inner.text(name, "") for name in inner.node}

    def inner(self, key: str) -> "Properties":
        """Return what `nested` returns, or an empty mapping if it is not given."""
        found = self.nested(key)
        if found is not None:
            return found
        return Properties(self.document, self.owner, Node(self.line(key)))

    def nested(self, key: str) -> "Properties | None":
        """Return a mapping inside this one, or None if it is not given.

        Raises:
            TemplateError: It is not a mapping.
        """
        value = self.node.get(key)
        if isinstance(value, Node) and len(value) == 1:
            (only,) = value
            if self.document.is_intrinsic(only):
                value = self.document.resolve(value)
        if value is None:
            return None
        if not isinstance(value, Node):
            raise self.error(key, f"{key} is {_kind(value)}, not a mapping")
        return Properties(self.document, self.owner, value)

    def items(self) -> Iterator[tuple[str, "Properties"]]:
        """Yield the members that are mappings, by name."""
        for key, value in self.node.items():
            if not isinstance(value, Node):
                continue
            inner = self.nested(key)
            if inner is not None:
                yield str(key), inner


def merged(base: Any, own: Any) -> Any:
    """Return a resource's own properties over those of Globals.

    Mappings merge, lists are concatenated, everything else is replaced. Source: SAM, "Globals".
    """
    if isinstance(base, Node) and isinstance(own, Node):
        result = Node(own.line)
        result.lines = base.lines | own.lines
        for key in base | own:
            if key not in own:
                result[key] = base[key]
            elif key not in base:
                result[key] = own[key]
            else:
                result[key] = merged(base[key], own[key])
        return result
    if isinstance(base, list) and isinstance(own, list):
        return [*base, *own]
    return own


def _kind(value: Any) -> str:
    match value:
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case bool():
            return "true or false"
    return repr(to_text(value))
