"""CloudFormation's intrinsic functions: each takes the document, its argument and its line."""

import base64
import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from lambda_emulator.template.document import to_text

if TYPE_CHECKING:
    from lambda_emulator.template.cloudformation import Document

__all__ = ["INTRINSICS"]

_Intrinsic = Callable[["Document", Any, int], Any]


def _ref(document: "Document", name: Any, line: int) -> Any:
    return document.ref(name, line)


def _condition(document: "Document", name: Any, line: int) -> bool:
    return document.condition(str(name), line)


def _get_att(document: "Document", argument: Any, line: int) -> str:
    parts = argument if isinstance(argument, list) else str(argument).split(".", 1)
    logical_id, attribute = parts
    return document.attribute(str(logical_id), to_text(document.resolve(attribute)))


def _sub(document: "Document", argument: Any, line: int) -> str:
    text, variables = argument if isinstance(argument, list) else (argument, {})

    def replace(match: re.Match[str]) -> str:
        name = match[1].strip()
        if name.startswith("!"):
            return "${" + name[1:] + "}"
        if name in variables:
            return to_text(document.resolve(variables[name]))
        is_attribute = "." in name and not name.endswith((".Alias", ".Version"))
        find = _get_att if is_attribute else _ref
        return to_text(find(document, name, line))

    return re.sub(r"\$\{([^}]*)\}", replace, str(text))


def _find_in_map(document: "Document", argument: list[Any], line: int) -> Any:
    """With a fourth argument {DefaultValue: ...} where the language extensions are on."""
    found: Any = document.root.get("Mappings") or {}
    for key in map(document.resolve, argument[:3]):
        if not isinstance(found, Mapping) or key not in found:
            if len(argument) == 4:
                return document.resolve(argument[3]["DefaultValue"])
            raise document.error(line, f"!FindInMap: no {key!r} in Mappings")
        found = found[key]
    return found


def _if(document: "Document", argument: list[Any], line: int) -> Any:
    condition, then, otherwise = argument
    return document.resolve(then if document.condition(str(condition), line) else otherwise)


def _equals(document: "Document", argument: list[Any], line: int) -> bool:
    left, right = map(document.resolve, argument)
    return to_text(left) == to_text(right)


def _not(document: "Document", argument: Any, line: int) -> bool:
    return not document.resolve(argument)[0]


def _and(document: "Document", argument: list[Any], line: int) -> bool:
    return all(map(document.resolve, argument))


def _or(document: "Document", argument: list[Any], line: int) -> bool:
    return any(map(document.resolve, argument))


def _join(document: "Document", argument: list[Any], line: int) -> str:
    between, parts = argument
    return str(between).join(map(to_text, document.resolve(parts)))


def _split(document: "Document", argument: list[Any], line: int) -> list[str]:
    between, text = argument
    return to_text(document.resolve(text)).split(between)


def _select(document: "Document", argument: list[Any], line: int) -> Any:
    index, values = argument
    return document.resolve(values)[int(document.resolve(index))]


def _base64(document: "Document", argument: Any, line: int) -> str:
    return base64.b64encode(to_text(document.resolve(argument)).encode()).decode()


def _get_azs(document: "Document", argument: Any, line: int) -> list[str]:
    """Three zones, whatever the region really has."""
    region = to_text(document.resolve(argument)) or document.parameters["AWS::Region"]
    return [f"{region}{zone}" for zone in "abc"]


def _cidr(document: "Document", argument: list[Any], line: int) -> list[str]:
    """[block, how many, the bits of each that are left for hosts]."""
    block, count, bits = map(to_text, map(document.resolve, argument))
    network = ipaddress.ip_network(block)
    subnets = network.subnets(new_prefix=network.max_prefixlen - int(bits))
    found = list(islice(subnets, int(count)))
    if len(found) < int(count):
        raise ValueError(f"{block} has room for {len(found)}, not for {count}")
    return list(map(str, found))


def _import_value(document: "Document", argument: Any, line: int) -> str:
    """The name of the export in place of its value, which another stack has."""
    name = to_text(document.resolve(argument))
    document.caution(
        line, f"!ImportValue {name} is of another stack; here its value is {name!r}: set what "
        "reads it, with --env or a parameter"
    )  # fmt: skip
    return name


def _length(document: "Document", argument: Any, line: int) -> int:
    document.needs_extensions("Length", line)
    return len(document.resolve(argument))


def _to_json_string(document: "Document", argument: Any, line: int) -> str:
    document.needs_extensions("ToJsonString", line)
    return json.dumps(document.resolve(argument), separators=(",", ":"))


INTRINSICS: Final[Mapping[Any, _Intrinsic]] = {
    "Ref": _ref,
    "Condition": _condition,
    "Fn::And": _and,
    "Fn::Base64": _base64,
    "Fn::Cidr": _cidr,
    "Fn::Equals": _equals,
    "Fn::FindInMap": _find_in_map,
    "Fn::GetAZs": _get_azs,
    "Fn::GetAtt": _get_att,
    "Fn::If": _if,
    "Fn::ImportValue": _import_value,
    "Fn::Join": _join,
    "Fn::Length": _length,
    "Fn::Not": _not,
    "Fn::Or": _or,
    "Fn::Select": _select,
    "Fn::Split": _split,
    "Fn::Sub": _sub,
    "Fn::ToJsonString": _to_json_string,
}
