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
    """The template's Transform: names, and mappings with Name and Parameters."""
    given = root.get("Transform", [])
    return given if isinstance(given, list) else [given]


def expanded(document: "Document") -> Node:
    """The document with each loop written out and each included file in its place.

    Raises TemplateError.
    """
    root = document.root
    line = root.lines.get("Transform", root.line)
    result: Node = _expand(document, root)
    for transform in transforms(root):
        if isinstance(transform, Node):
            _add_missing(result, _transformed(document, transform, line))
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
            for turn in _turns(document, key, item, line):
                _add_missing(result, _expand(document, turn))
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
    """The keys that the target does not have; mappings that both have are added to."""
    for key, value in source.items() if isinstance(source, Node) else ():
        if key not in target:
            target[key] = value
            target.lines[key] = source.lines.get(key, source.line)
        elif isinstance(target[key], Node):
            _add_missing(target[key], value)


# ---- Fn::ForEach::NAME: [identifier, values, {key: value}]


def _turns(document: "Document", key: str, argument: Any, line: int) -> Iterator[Node]:
    """The body of a loop, once for each value."""
    document.needs_extensions("ForEach", line)
    try:
        identifier, collection, body = argument
    except (TypeError, ValueError):
        message = f"{key} takes [identifier, [values], {{key: value}}]"
        raise document.error(line, message) from None
    values = document.resolve(collection)
    if not isinstance(values, list) or not isinstance(body, Node):
        raise document.error(line, f"{key} takes [identifier, [values], {{key: value}}]")
    for value in values:
        yield _replaced(body, str(identifier), to_text(value))


def _replaced(value: Any, identifier: str, turn: str) -> Any:
    """With the turn's value in place of ${identifier}, &{identifier} and !Ref identifier."""
    if isinstance(value, str):
        plain = re.sub("[^A-Za-z0-9]", "", turn)
        return value.replace(f"${{{identifier}}}", turn).replace(f"&{{{identifier}}}", plain)
    if isinstance(value, list):
        return [_replaced(item, identifier, turn) for item in value]
    if not isinstance(value, Node):
        return value
    if value.get("Ref") == identifier:
        return turn
    result = Node(value.line)
    for key, item in value.items():
        new = _replaced(key, identifier, turn)
        result[new] = _replaced(item, identifier, turn)
        result.lines[new] = value.lines.get(key, value.line)
    return result


# ---- AWS::Include


def _transformed(document: "Document", transform: Any, line: int) -> Any:
    """What stands in an included file; nothing for what only AWS can do."""
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
    try:
        return _at_line(read_part(document.path.parent / location), line)
    except TemplateError as error:
        raise document.error(line, f"AWS::Include: {error}") from error


def _at_line(value: Any, line: int) -> Any:
    """The lines of another file are of no use in a message about this one."""
    if isinstance(value, list):
        return [_at_line(item, line) for item in value]
    if not isinstance(value, Node):
        return value
    result = Node(line)
    for key, item in value.items():
        result[key] = _at_line(item, line)
        result.lines[key] = line
    return result
