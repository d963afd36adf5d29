"""What transforms make of a template before it is read: Fn::ForEach and AWS::Include.

Fn::ForEach is a part of AWS::LanguageExtensions. Other transforms are macros, which only AWS runs.
"""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from lambda_emulator.template.document import Node, TemplateError, read_part, to_text

if TYPE_CHECKING:
    from lambda_emulator.template.cloudformation import Document

__all__ = ["LANGUAGE_EXTENSIONS", "expanded", "transforms"]

LANGUAGE_EXTENSIONS: Final = "AWS::LanguageExtensions"
_SAM: Final = "AWS::Serverless-2016-10-31"
_INCLUDE: Final = "AWS::Include"
_FOR_EACH: Final = "Fn::ForEach::"


def transforms(root: Node) -> list[Any]:
    """Return the template's transforms: names, and mappings with Name and Parameters."""
    given = root.get("Transform", [])
    return given if isinstance(given, list) else [given]


def expanded(document: "Document") -> Node:
    """Return the document with each loop written out and each included file in its place.

    Raises:
        TemplateError: A loop is wrong, or an included file cannot be read.
    """
    root = document.root
    line = root.lines.get("Transform", root.line)
    result: Node = _expand(document, root)
    for transform in transforms(root):
        if isinstance(transform, Node):
            part = _transformed(document, transform, line)
            _add_missing(result, part)
        elif transform not in (_SAM, LANGUAGE_EXTENSIONS):
            document.caution(line, f"the transform {transform} is not run: only AWS can")
    return result


def _expand(document: "Document", value: Any) -> Any:
    if isinstance(value, list):
        return [_expand(document, item) for item in value]
    if not isinstance(value, Node):
        return value
    result = Node(value.line)
    for key, item in value.items():
        line = value.lines.get(key, value.line)
        if isinstance(key, str) and key.startswith(_FOR_EACH):
            for body in _loop(document, key, item, line):
                _add_missing(result, _expand(document, body))
        elif key == "Fn::Transform":
            part = _transformed(document, item, line)
            if len(value) == 1 and not isinstance(part, Node):
                return part
            _add_missing(result, part)
        else:
            result[key] = _expand(document, item)
            result.lines[key] = line
    return result


def _add_missing(target: Node, source: Any) -> None:
    """Add the keys that the target does not have, also in mappings that both have."""
    if not isinstance(source, Node):
        return
    for key, value in source.items():
        if key not in target:
            target[key] = value
            target.lines[key] = source.lines.get(key, source.line)
        elif isinstance(target[key], Node):
            _add_missing(target[key], value)


# ---- Fn::ForEach::NAME: [identifier, values, {key: value}]


def _loop(document: "Document", key: str, argument: Any, line: int) -> Iterator[Node]:
    """Yield the body of a loop, once for each value."""
    document.needs_extensions("ForEach", line)
    message = f"{key} takes [identifier, [values], {{key: value}}]"
    try:
        identifier, collection, body = argument
    except (TypeError, ValueError):
        raise document.error(line, message) from None
    values = document.resolve(collection)
    if not isinstance(values, list) or not isinstance(body, Node):
        raise document.error(line, message)
    for value in values:
        yield _replaced(body, str(identifier), to_text(value))


def _replaced(body: Any, identifier: str, value: str) -> Any:
    """Return a body with a value for ${identifier}, &{identifier} and !Ref identifier."""
    if isinstance(body, str):
        plain = re.sub("[^A-Za-z0-9]", "", value)
        text = body.replace(f"${{{identifier}}}", value)
        return text.replace(f"&{{{identifier}}}", plain)
    if isinstance(body, list):
        return [_replaced(item, identifier, value) for item in body]
    if not isinstance(body, Node):
        return body
    if body.get("Ref") == identifier:
        return value
    result = Node(body.line)
    for key, item in body.items():
        new = _replaced(key, identifier, value)
        result[new] = _replaced(item, identifier, value)
        result.lines[new] = body.lines.get(key, body.line)
    return result


# ---- AWS::Include


def _transformed(document: "Document", transform: Any, line: int) -> Any:
    """Return the content of an included file, or None for what only AWS can do."""
    name = transform.get("Name") if isinstance(transform, Node) else transform
    if name != _INCLUDE:
        document.caution(line, f"the transform {name} is not run: only AWS can")
        return None
    parameters = transform.get("Parameters")
    given = parameters.get("Location") if isinstance(parameters, Node) else None
    location = to_text(document.resolve(given))
    if "://" in location:
        document.caution(line, f"{location} is not included: name a file of this machine")
        return None
    path = document.path.parent / location
    try:
        return _at_line(read_part(path), line)
    except TemplateError as error:
        raise document.error(line, f"AWS::Include: {error}") from error


def _at_line(value: Any, line: int) -> Any:
    """Give everything this line: the lines of another file do not help in a message."""
    if isinstance(value, list):
        return [_at_line(item, line) for item in value]
    if not isinstance(value, Node):
        return value
    result = Node(line)
    for key, item in value.items():
        result[key] = _at_line(item, line)
        result.lines[key] = line
    return result
