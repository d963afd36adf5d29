"""A template's file -> YAML or JSON that knows its lines."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

__all__ = ["Caution", "Node", "TemplateError", "read", "read_part", "to_text"]


class TemplateError(Exception):
    """The template cannot be used; the message names the file, the line and what to do."""


@dataclass(frozen=True, slots=True)
class Caution:
    """Something that AWS would do otherwise, or that is ignored here.

    The message names what to do.
    """

    line: int
    message: str


class Node(dict[Any, Any]):
    """A mapping that knows where it and its keys stand in the file (lines count from 1)."""

    __slots__ = ("line", "lines")

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self.lines: dict[Any, int] = {}


class _Int(int):
    """A number that keeps its text, because an account id such as 012345678901 is text."""

    source: str


class _Float(float):
    source: str


def to_text(value: Any) -> str:
    """As CloudFormation writes a scalar into a string property."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case _Int() | _Float():
            return value.source
        case _:
            return str(value)


class _Loader(yaml.SafeLoader):
    """SafeLoader that keeps lines and the text of numbers, and reads short tags.

    !Sub is Fn::Sub.
    """

    def __init__(self, source: str) -> None:
        super().__init__(source)
        self.cautions: list[Caution] = []

    def mapping(self, node: yaml.MappingNode) -> Node:
        result = Node(node.start_mark.line + 1)
        own = [pair for pair in node.value if pair[0].tag != _MERGE]
        for pairs in (self._merged(node), own):
            seen = set()
            for key_node, value_node in pairs:
                key = self.construct_object(key_node, deep=True)
                if not isinstance(key, str | int | float | bool) and key is not None:
                    raise yaml.constructor.ConstructorError(
                        None, None, "a key must be a word", key_node.start_mark
                    )
                line = key_node.start_mark.line + 1
                if key in seen and key in result.lines:
                    message = (
                        f"{key!r} is given twice (first in line {result.lines[key]}); "
                        "AWS takes the last"
                    )
                    self.cautions.append(Caution(line, message))
                seen.add(key)
                result[key] = self.construct_object(value_node, deep=True)
                result.lines[key] = line
        return result

    def _merged(self, node: yaml.MappingNode) -> list[tuple[yaml.Node, yaml.Node]]:
        """What `<<` brings; keys of the mapping's own win."""
        pairs = [pair for pair in node.value if pair[0].tag == _MERGE]
        merge = yaml.MappingNode(_MAP, pairs, node.start_mark)
        self.flatten_mapping(merge)
        # Of two merged mappings the first wins, and flatten_mapping puts it last.
        last: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for key, value in merge.value:
            last[str(key.value)] = (key, value)
        return list(last.values())

    def integer(self, node: yaml.ScalarNode) -> int:
        value = _Int(self.construct_yaml_int(node))
        value.source = node.value
        return value

    def floating(self, node: yaml.ScalarNode) -> float:
        value = _Float(self.construct_yaml_float(node))
        value.source = node.value
        return value

    def short_tag(self, suffix: str, node: yaml.Node) -> Node:
        value: Any
        if isinstance(node, yaml.ScalarNode):
            value = self.construct_scalar(node)
            if suffix == "GetAtt":
                value = value.split(".", 1)
        elif isinstance(node, yaml.SequenceNode):
            value = self.construct_sequence(node, deep=True)
        else:
            assert isinstance(node, yaml.MappingNode)
            value = self.mapping(node)
        name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
        result = Node(node.start_mark.line + 1)
        result[name] = value
        return result


_MAP: Final = "tag:yaml.org,2002:map"
_MERGE: Final = "tag:yaml.org,2002:merge"
_Loader.add_constructor(_MAP, _Loader.mapping)
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.integer)
_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.floating)
_Loader.add_multi_constructor("!", _Loader.short_tag)
# A version such as 2010-09-09 is text to CloudFormation, not a date.
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read(path: Path) -> tuple[Node, list[Caution]]:
    """Read a template's file.

    Returns:
        The document, which has Resources, and warnings about its YAML.

    Raises:
        TemplateError: There is no such file, or it is no template.
    """
    if not path.exists():
        raise TemplateError(f"{path}: no such file; name your SAM template with --template")
    document, cautions = _load(path)
    resources = document.get("Resources") if isinstance(document, Node) else None
    if not isinstance(resources, Node):
        raise TemplateError(f"{path}:1: no Resources: is this a SAM template?")
    return document, cautions


def read_part(path: Path) -> Any:
    """Read a file that a template includes: any YAML or JSON.

    Raises:
        TemplateError: It cannot be read.
    """
    part, _ = _load(path)
    return part


def _load(path: Path) -> tuple[Any, list[Caution]]:
    try:
        source = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise TemplateError(f"{path}: cannot be read: {error}") from error
    if source.lstrip().startswith("{"):
        # JSON may be indented with tabs, and has none in its strings.
        source = source.replace("\t", " ")
    try:
        loader = _Loader(source)
        return loader.get_single_data(), loader.cautions
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = mark.line + 1 if mark else 1
        problem = error.problem or error.context
        raise TemplateError(f"{path}:{line}: not YAML: {problem}") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        problem = " ".join(str(error).split())
        raise TemplateError(f"{path}: not YAML: {problem}") from error
