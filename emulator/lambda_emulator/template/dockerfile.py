"""What a Dockerfile puts into an image, as far as no container is needed to know it. Pure.

FROM, COPY and ADD from the context, ENV, ARG, WORKDIR, ENTRYPOINT and CMD are read. All that would
need a container is listed as skipped. Reference: the Dockerfile reference of Docker.
"""

import json
import posixpath
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

__all__ = ["Copy", "Image", "Skipped", "read_dockerfile"]

_VARIABLE: Final = re.compile(r"\$(?:\{(\w+)(?::-([^}]*))?\}|(\w+))")
_IGNORED: Final = frozenset(
    {
        # They change nothing for a function.
        "EXPOSE",
        "HEALTHCHECK",
        "LABEL",
        "MAINTAINER",
        "SHELL",
        "STOPSIGNAL",
        "USER",
        "VOLUME",
    }
)


@dataclass(frozen=True, slots=True)
class Copy:
    """A file or folder of the context, and its place in the image."""

    source: str
    target: str
    """An absolute path; one that ends with a slash is a folder to copy into."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """An instruction that was not carried out."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Image:
    """One stage. Paths are of the image."""

    base: str
    folder: str
    """WORKDIR."""
    copies: tuple[Copy, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    entry_point: tuple[str, ...] | None = None
    command: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()


def read_dockerfile(
    text: str, given: Mapping[str, str], task_root: str = "/var/task", target: str = ""
) -> Image:
    """Read the last stage of a Dockerfile, or the one named `target`.

    Args:
        text: The Dockerfile.
        given: Build arguments.
        task_root: LAMBDA_TASK_ROOT of AWS's base images.
        target: The name of a stage, or "" for the last.

    Raises:
        ValueError: There is no such stage, or an instruction cannot be read.
    """
    reader = _Reader(dict(given), task_root)
    for line, instruction, rest in _instructions(text):
        if instruction == "FROM" and target and reader.name == target:
            break
        reader.take(line, instruction, rest)
    if reader.image is None:
        raise ValueError("there is no FROM in it")
    if target and reader.name != target:
        raise ValueError(f"there is no stage {target!r} in it")
    return reader.image


def _instructions(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield (line, name, argument) of each instruction. A backslash continues a line."""
    parts: list[str] = []
    start = 0
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        if not parts:
            start = number
        goes_on = stripped.endswith("\\")
        parts.append(stripped.removesuffix("\\").strip())
        if not goes_on:
            whole = " ".join(parts)
            name, _, rest = whole.partition(" ")
            yield start, name.upper(), rest.strip()
            parts = []


class _Reader:
    """Takes one instruction after the other."""

    def __init__(self, given: dict[str, str], task_root: str) -> None:
        self.given = given
        self.task_root = task_root
        self.image: Image | None = None
        self.name = ""
        self.stages: dict[str, Image] = {}
        self.arguments: dict[str, str] = {}

    def take(self, line: int, name: str, rest: str) -> None:
        if name == "ARG":
            key, _, quoted = rest.partition("=")
            default = self._filled(quoted.strip("\"'"))
            self.arguments[key] = self.given.get(key, default)
        elif name == "FROM":
            self._from(rest)
        elif self.image is None:
            raise ValueError(f"line {line}: {name} comes before FROM")
        elif name not in _IGNORED:
            self.image = self._changed(self.image, line, name, rest)
            self.stages[self.name] = self.image

    def _from(self, rest: str) -> None:
        given = self._filled(rest)
        words = [word for word in given.split() if not word.startswith("--")]
        base = words[0] if words else ""
        self.name = words[2] if len(words) == 3 else ""
        image = Image(base, folder="/")
        if "/lambda/" in base:
            variables = {"LAMBDA_TASK_ROOT": self.task_root}
            image = Image(base, self.task_root, variables=variables)
        self.image = self.stages.get(base, image)

    def _changed(self, image: Image, line: int, name: str, rest: str) -> Image:
        match name:
            case "COPY" | "ADD":
                return self._copy(image, line, name, rest)
            case "ENV":
                variables = dict(image.variables)
                variables.update(self._pairs(rest))
                return replace(image, variables=variables)
            case "WORKDIR":
                folder = self._path(image, self._filled(rest))
                return replace(image, folder=folder)
            case "ENTRYPOINT":
                return replace(image, entry_point=_words(rest), command=())
            case "CMD":
                return replace(image, command=_words(rest))
        return _skipping(image, line, f"{name} {rest}")

    def _copy(self, image: Image, line: int, name: str, rest: str) -> Image:
        skipping = _skipping(image, line, f"{name} {rest}")
        words = list(_words(self._filled(rest)))
        while words and words[0].startswith("--"):
            option = words.pop(0)
            if option.startswith("--from="):
                return skipping
        if len(words) < 2 or any("://" in word for word in words):
            return skipping
        *sources, target = words
        path = self._path(image, target)
        if target.endswith(("/", ".")) or len(sources) > 1:
            path += "/"
        copies = tuple(Copy(source, path) for source in sources)
        return replace(image, copies=(*image.copies, *copies))

    @staticmethod
    def _path(image: Image, path: str) -> str:
        joined = posixpath.join("/", image.folder, path)
        return posixpath.normpath(joined)

    def _pairs(self, rest: str) -> Iterator[tuple[str, str]]:
        """Yield the pairs of `NAME=VALUE ...`, or of the older `NAME VALUE`."""
        words = shlex.split(rest)
        if "=" not in words[0]:
            name, _, value = rest.partition(" ")
            words = [f"{name}={value.strip()}"]
        for word in words:
            name, _, value = word.partition("=")
            yield name, self._filled(value)

    def _filled(self, text: str) -> str:
        """Insert the values of variables. ENV wins over ARG."""
        known = dict(self.arguments)
        if self.image is not None:
            known.update(self.image.variables)

        def value(match: re.Match[str]) -> str:
            braced, default, plain = match.groups()
            return known.get(braced or plain, default or "")

        return _VARIABLE.sub(value, text)


def _words(text: str) -> tuple[str, ...]:
    """Return the items of a JSON list, or the words that a shell would see."""
    if text.startswith("["):
        try:
            items = json.loads(text)
            return tuple(map(str, items))
        except ValueError:
            pass
    words = shlex.split(text)
    return tuple(words)


def _skipping(image: Image, line: int, text: str) -> Image:
    skipped = Skipped(line, text)
    return replace(image, skipped=(*image.skipped, skipped))
