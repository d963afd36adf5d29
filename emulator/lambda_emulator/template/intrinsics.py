"""CloudFormation's intrinsic functions."""

import base64
import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from lambda_emulator.template.document import to_text

if TYPE_CHECKING:
    from lambda_emulator.template.cloudformation import Document

__all__ = ["INTRINSICS", "Call"]


@dataclass(frozen=True, slots=True)
class Call:
    """One function of a template, with its argument as it is written."""

    document: "Document"
    argument: Any
    line: int

    def resolve(self, value: Any) -> Any:
        return self.document.resolve(value)

    def value(self) -> Any:
        """The argument, resolved."""
        return self.resolve(self.argument)

    def values(self) -> list[Any]:
        """Each of the arguments, resolved."""
        return [self.resolve(item) for item in self.argument]


def _ref(call: Call) -> Any:
    return call.document.ref(call.argument, call.line)


def _condition(call: Call) -> bool:
    return call.document.condition(str(call.argument), call.line)


def _get_att(call: Call) -> str:
    given = call.argument
    if not isinstance(given, list):
        given = str(given).split(".", 1)
    logical_id, attribute = given
    name = to_text(call.resolve(attribute))
    return call.document.attribute(str(logical_id), name)


def _sub(call: Call) -> str:
    given = call.argument
    text, variables = given if isinstance(given, list) else (given, {})

    def replace(match: re.Match[str]) -> str:
        name = match[1].strip()
        if name.startswith("!"):
            return "${" + name[1:] + "}"
        if name in variables:
            return to_text(call.resolve(variables[name]))
        inner = Call(call.document, name, call.line)
        is_attribute = "." in name and not name.endswith((".Alias", ".Version"))
        found = _get_att(inner) if is_attribute else _ref(inner)
        return to_text(found)

    return re.sub(r"\$\{([^}]*)\}", replace, str(text))


def _find_in_map(call: Call) -> Any:
    """With the language extensions, a fourth argument is {DefaultValue: ...}."""
    path, options = call.argument[:3], call.argument[3:]
    found: Any = call.document.root.get("Mappings") or {}
    for key in map(call.resolve, path):
        if isinstance(found, Mapping) and key in found:
            found = found[key]
        elif len(options) == 1:
            return call.resolve(options[0]["DefaultValue"])
        else:
            raise call.document.error(call.line, f"!FindInMap: no {key!r} in Mappings")
    return found


def _if(call: Call) -> Any:
    condition, then, otherwise = call.argument
    is_true = call.document.condition(str(condition), call.line)
    return call.resolve(then if is_true else otherwise)


def _equals(call: Call) -> bool:
    left, right = call.values()
    return to_text(left) == to_text(right)


def _not(call: Call) -> bool:
    (condition,) = call.values()
    return not condition


def _and(call: Call) -> bool:
    return all(call.values())


def _or(call: Call) -> bool:
    return any(call.values())


def _join(call: Call) -> str:
    between, parts = call.values()
    return str(between).join(map(to_text, parts))


def _split(call: Call) -> list[str]:
    between, text = call.values()
    return to_text(text).split(between)


def _select(call: Call) -> Any:
    index, values = call.values()
    return values[int(index)]


def _base64(call: Call) -> str:
    text = to_text(call.value())
    return base64.b64encode(text.encode()).decode()


def _get_azs(call: Call) -> list[str]:
    """Three zones, however many the region has."""
    region = to_text(call.value()) or call.document.region
    return [f"{region}{zone}" for zone in "abc"]


def _cidr(call: Call) -> list[str]:
    """Evaluate [block, count, host bits of each subnet]."""
    block, count, bits = map(to_text, call.values())
    network = ipaddress.ip_network(block)
    prefix = network.max_prefixlen - int(bits)
    subnets = network.subnets(new_prefix=prefix)
    found = list(islice(subnets, int(count)))
    if len(found) < int(count):
        raise ValueError(f"{block} has room for {len(found)}, not for {count}")
    return list(map(str, found))


def _import_value(call: Call) -> str:
    """Return the export's name, because another stack has its value."""
    name = to_text(call.value())
    message = f"!ImportValue {name} is of another stack; here its value is {name!r}"
    advice = "set what reads it, with --env or a parameter"
    call.document.caution(call.line, f"{message}: {advice}")
    return name


def _length(call: Call) -> int:
    call.document.needs_extensions("Length", call.line)
    return len(call.value())


def _to_json_string(call: Call) -> str:
    call.document.needs_extensions("ToJsonString", call.line)
    return json.dumps(call.value(), separators=(",", ":"))


INTRINSICS: Final[Mapping[Any, Callable[[Call], Any]]] = {
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
