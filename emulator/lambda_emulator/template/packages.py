"""A function's code and layers: folders, zips, inline code, CDK assets, images without Docker."""

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from lambda_emulator.template.cloudformation import Document
from lambda_emulator.template.code import code_folder, new_folder, overlay
from lambda_emulator.template.dockerfile import Copy, Image, read_dockerfile
from lambda_emulator.template.document import Node, to_text
from lambda_emulator.template.properties import Properties

__all__ = ["LAYERS", "Code", "Packages"]

LAYERS: Final = ("AWS::Serverless::LayerVersion", "AWS::Lambda::LayerVersion")
_BUILT: Final = re.compile(r"(?:\./)?\.aws-sam/build/(\w+)/?")
_NO_CODE: Final = "is it made by a build, such as `sam build`?"
_BASE: Final = re.compile(r"(?:.*/)?(?:lambda/|aws-lambda-)(\w+):([\w.]+?)(?:-(?:x86_64|arm64))?$")
"""AWS's base images: public.ecr.aws/lambda/python:3.13."""
_PYTHON: Final = re.compile(r"(?:^|/)python:(\d+\.\d+)")
_LAMBDAS_OWN: Final = ("/lambda-entrypoint.sh", "awslambdaric")
"""What an entry point of AWS's runtime has in it."""


@dataclass(frozen=True, slots=True)
class Code:
    """Where a function runs. What an image says of it has no template property."""

    folder: Path
    inline: str | None = None
    problem: str = ""
    """Why it cannot be run from here without a command."""
    opt: tuple[Path, ...] = ()
    """Folders as they would stand in /opt."""
    runtime: str = ""
    handler: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    """The program that an image starts in place of a runtime of AWS's."""


class Packages:
    """The code and layers of one template's functions."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.folder = document.path.parent

    # ---- code

    def code(self, get: Properties) -> Code:
        """Find a function's code. If something is missing, the result has a `problem`.

        Raises:
            TemplateError: A property has a wrong type.
        """
        given = get.value("Code")
        in_code = given if isinstance(given, dict) else {}
        is_image = get.text("PackageType", "Zip") == "Image"
        has_uri = "ImageUri" in get.node or "ImageUri" in in_code
        if is_image or has_uri:
            return self._image(get)
        inline = in_code.get("ZipFile", get.value("InlineCode"))
        if inline is not None:
            return Code(self.folder, to_text(inline))
        key = "CodeUri" if "CodeUri" in get.node else "Code"
        uri = self._asset(get.owner) or get.value(key) or "."
        if not isinstance(uri, str) or "://" in uri:
            return self._without(f"its code is not a local folder; name one in {key}")
        found = code_folder(self._path(uri))
        if found is None:
            return self._without(f"{key} {uri!r} is no folder and no zip; {_NO_CODE}")
        return Code(found)

    def local_code(self, uri: str, line: int) -> Path:
        """Return the folder of a CodeUri.

        Raises:
            TemplateError: It is no folder and no zip. The message names `line`.
        """
        path = self._path(uri)
        folder = code_folder(path)
        if folder is None:
            message = f"CodeUri {uri!r} is no folder and no zip ({path}); {_NO_CODE}"
            raise self.document.error(line, message)
        return folder

    def _without(self, problem: str) -> Code:
        return Code(self.folder, problem=problem)

    def _metadata(self, logical_id: str) -> Node:
        resource = self.document.made[logical_id]
        found = resource.get("Metadata")
        return found if isinstance(found, Node) else Node(resource.line)

    def _asset(self, logical_id: str) -> str:
        """Return the path that CDK notes for SAM CLI, relative to the template's folder."""
        metadata = self._metadata(logical_id)
        return to_text(metadata.get("aws:asset:path"))

    def _path(self, uri: str) -> Path:
        """Return the path of a CodeUri. The build of another function means that function's source.

        The source exists without a build, and is current.
        That function's condition does not matter, because `sam build` builds it anyway.
        """
        built = _BUILT.fullmatch(uri)
        resource = self.document.resources.get(built[1]) if built is not None else None
        properties = resource.get("Properties") if isinstance(resource, Node) else None
        if isinstance(properties, Node):
            uri = to_text(self.document.resolve(properties.get("CodeUri", ".")))
        path = self.folder / uri
        return path.resolve()

    # ---- layers

    def layers(self, get: Properties) -> tuple[tuple[Path, ...], tuple[str, ...]]:
        """Return the folders of the layers in this template, and the ARNs of all others.

        Raises:
            TemplateError: A property of a layer has a wrong type.
        """
        given = get.node.get("Layers")
        if not isinstance(given, list):
            return (), ()
        local = set(self.document.of_type(*LAYERS))
        here, remote = [], []
        for item in given:
            name = str(item.get("Ref")) if isinstance(item, Node) else ""
            if name not in local:
                arn = self.document.resolve(item)
                remote.append(to_text(arn))
            elif folder := self._layer(name):
                here.append(folder)
        return tuple(here), tuple(remote)

    def _layer(self, name: str) -> Path | None:
        """Return a layer's folder, as it would be unpacked under /opt."""
        get = Properties.of(self.document, name)
        key = "ContentUri" if "ContentUri" in get.node else "Content"
        uri = self._asset(name) or get.value(key)
        folder = None
        if isinstance(uri, str):
            path = self.folder / uri
            folder = code_folder(path.resolve())
        if folder is None:
            get.caution(key, f"its {key} is no local folder and no zip; the layer is left out")
            return None
        method = to_text(self._metadata(name).get("BuildMethod"))
        if not method.startswith("python") or (folder / "python").is_dir():
            return folder
        needed = folder / "requirements.txt"
        if needed.is_file():
            message = f"`sam build` installs its packages: here {needed} must be installed"
            get.caution(key, message)
        built = new_folder()
        overlay(folder, built, "python")  # where `sam build` puts it
        return built

    # ---- images

    def _image(self, get: Properties) -> Code:
        """Return the code that a Dockerfile copies, without what needs a container."""
        metadata = self._metadata(get.owner)
        context = metadata.get("DockerContext") or metadata.get("aws:asset:path")
        command = f"lambda-emulator --function {get.owner} -- COMMAND"
        if not isinstance(context, str):
            return self._without(f"it is a container image; give its command: {command}")
        folder = self.folder / context
        folder = folder.resolve()
        name = metadata.get("Dockerfile") or metadata.get("aws:asset:dockerfile-path")
        path = folder / to_text(name or "Dockerfile")
        target = metadata.get("DockerBuildTarget") or metadata.get("aws:asset:docker-build-target")
        try:
            text = path.read_text("utf-8")
            arguments = _build_arguments(metadata)
            image = read_dockerfile(text, arguments, target=to_text(target))
            self._name_skipped(get, path, image)
            return self._code_of_image(get, folder, image)
        except (OSError, ValueError) as error:
            return self._without(f"its image cannot be read: {path}: {error}")

    def _name_skipped(self, get: Properties, path: Path, image: Image) -> None:
        if not image.skipped:
            return
        lines = "; ".join(f"line {skipped.line}, {skipped.text}" for skipped in image.skipped)
        message = (
            f"{get.owner}: no container is started; {path.name}: "
            f"not done is {lines}: what these make must be on this machine"
        )
        metadata = self._metadata(get.owner)
        get.document.caution(metadata.line, message)

    def _filesystem(self, get: Properties, context: Path, image: Image) -> Path:
        """Copy what the image copies into a new folder, and return this root."""
        metadata = self._metadata(get.owner)
        root = new_folder()
        for copy in image.copies:
            if not _put(copy, context, root):
                missing = f"there is no {copy.source} in {context}, and docker build fails"
                get.document.caution(metadata.line, f"{get.owner}: {missing}")
        return root

    def _code_of_image(self, get: Properties, context: Path, image: Image) -> Code:
        root = self._filesystem(get, context, image)
        config = get.inner("ImageConfig")
        entry_point = config.texts("EntryPoint") or image.entry_point or ()
        command = config.texts("Command") or image.command
        folder = config.text("WorkingDirectory", image.folder)
        place = root / posixpath.normpath(f"/{folder}").lstrip("/")
        place.mkdir(parents=True, exist_ok=True)
        if not entry_point and _BASE.match(image.base) is None:
            problem = f"its image {image.base} has no ENTRYPOINT that Lambda could start"
            return self._without(problem)
        program: tuple[str, ...] = ()
        if entry_point and not _is_lambdas(entry_point):
            program = _mapped((*entry_point, *command), root)
        opt = root / "opt"
        values = _mapped(tuple(image.variables.values()), root)
        variables = dict(zip(image.variables, values, strict=True))
        variables.pop("PATH", None)
        return Code(
            place,
            opt=(opt,) if opt.is_dir() else (),
            runtime=_runtime(image.base),
            handler=command[0] if command else "",
            variables=variables,
            command=program,
        )


def _build_arguments(metadata: Node) -> dict[str, str]:
    given = metadata.get("DockerBuildArgs") or metadata.get("aws:asset:docker-build-args")
    if not isinstance(given, dict):
        return {}
    return {str(name): to_text(value) for name, value in given.items()}


def _is_lambdas(entry_point: tuple[str, ...]) -> bool:
    """Whether an entry point starts AWS's runtime."""
    line = " ".join(entry_point)
    return any(part in line for part in _LAMBDAS_OWN)


def _runtime(base: str) -> str:
    """Return the identifier of the runtime in an image.

    >>> _runtime("public.ecr.aws/lambda/nodejs:22"), _runtime("python:3.13-slim")
    ('nodejs22.x', 'python3.13')
    """
    if found := _BASE.match(base):
        language, version = found.groups()
        suffix = ".x" if language == "nodejs" else ""
        return f"{language}{version}{suffix}"
    if found := _PYTHON.search(base):
        return f"python{found[1]}"
    return "provided"


def _put(copy: Copy, context: Path, root: Path) -> bool:
    """Carry out a COPY: with Docker's patterns, and a folder stands for its content.

    Returns:
        Whether the source exists.
    """
    place = copy.target.strip("/")
    pattern = copy.source.strip("/").removeprefix("./")
    sources = [context]
    if pattern not in ("", "."):
        sources = sorted(context.glob(pattern))
    for source in sources:
        target = place
        names_folder = copy.target.endswith("/") or (root / place).is_dir()
        if source.is_file() and names_folder:
            target = f"{place}/{source.name}"
        overlay(source, root, target)
    return bool(sources)


def _mapped(words: tuple[str, ...], root: Path) -> tuple[str, ...]:
    """Replace the image's paths that were copied by paths on this machine."""
    result = []
    for word in words:
        path = root / word.lstrip("/")
        is_copied = word.startswith("/") and word != "/" and path.exists()
        result.append(str(path) if is_copied else word)
    return tuple(result)
