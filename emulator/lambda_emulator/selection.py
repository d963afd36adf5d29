"""Choose the functions to serve.

They are those of the template, changed by command-line options,
or one from the current folder (MODULE:APP, --web, or a command after --).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from lambda_emulator import limits
from lambda_emulator.checks import cautions, revision_cautions
from lambda_emulator.local_app import local_app
from lambda_emulator.options import Options
from lambda_emulator.template.config import FunctionConfig, FunctionURL
from lambda_emulator.template.reader import Template, load
from lambda_emulator.web.config import EndpointConfig, RevisionConfig, WebFunctionConfig

__all__ = ["Selection", "select", "select_one", "template_path"]

_TEMPLATES: Final = ("template.yaml", "template.yml", "template.json")


@dataclass(frozen=True, slots=True)
class Selection:
    """The chosen Event Functions (`functions`) and Web Functions (`web_functions`).

    `template` is None if they come from the current folder.
    """

    template: Template | None
    functions: Sequence[FunctionConfig]
    web_functions: Sequence[WebFunctionConfig]

    def __len__(self) -> int:
        return len(self.functions) + len(self.web_functions)

    def cautions(self, options: Options) -> Iterator[tuple[str, str]]:
        """Yield warnings about what AWS would do differently, each as (FILE:LINE, message)."""
        if self.template is not None:
            yield from self._template_cautions(self.template, options)
        for config in self.functions:
            has_command = bool(options.command)
            has_opt = options.opt is not None
            for name, message in cautions(config, has_command=has_command, has_opt=has_opt):
                yield config.where(name), f"{config.logical_id}: {message}"

    def _template_cautions(self, template: Template, options: Options) -> Iterator[tuple[str, str]]:
        for caution in template.cautions:
            yield f"{template.path}:{caution.line}", caution.message
        if options.command:
            return
        for config in self.web_functions:
            for logical_id, revision in config.revisions.items():
                for name, message in revision_cautions(revision):
                    line = revision.lines[name]
                    yield f"{template.path}:{line}", f"{logical_id}: {message}"


def template_path(options: Options) -> Path:
    """Return --template, or the first of _TEMPLATES that exists, or else template.yaml.

    The file may be missing.
    """
    if options.template:
        return options.template
    paths = [Path(name) for name in _TEMPLATES]
    for path in paths:
        if path.is_file():
            return path
    return paths[0]


def select(options: Options) -> Selection:
    """Return the functions to serve. With --debug, their timeout is a day.

    Raises:
        TemplateError: The template cannot be used, or the choice is not clear.
    """
    found = _select(options)
    if not options.debug:
        return found
    web_functions = [_with_debug_timeout(config) for config in found.web_functions]
    functions = [replace(config, timeout=limits.DEBUG_SECONDS) for config in found.functions]
    return Selection(found.template, functions, web_functions)


def _with_debug_timeout(config: WebFunctionConfig) -> WebFunctionConfig:
    revisions = {
        key: replace(revision, timeout=limits.DEBUG_SECONDS)
        for key, revision in config.revisions.items()
    }
    return replace(config, revisions=revisions)


def _select(options: Options) -> Selection:
    if options.app is not None:
        return Selection(None, [local_app(options)], [])
    if options.web is not None:
        web_function = _web_function_here(options.web, options)
        return Selection(None, [], [web_function])
    if _has_only_command(options):
        config = _function_here(options)
        return Selection(None, [_changed(config, options)], [])
    return _of_template(_template(options), options)


def select_one(options: Options) -> FunctionConfig:
    """Return the function for `lambda-emulator invoke`. It needs no URL.

    Raises:
        TemplateError: The template cannot be used, or the choice is not clear.
    """
    config = _single(options)
    if options.debug:
        config = replace(config, timeout=limits.DEBUG_SECONDS)
    return config


def _single(options: Options) -> FunctionConfig:
    if _has_only_command(options):
        return _function_here(options)
    return _template(options).function(options.function)


def _has_only_command(options: Options) -> bool:
    """Whether there is a command to run, but no template."""
    if not options.command or options.template:
        return False
    return not template_path(options).is_file()


def _template(options: Options) -> Template:
    path = template_path(options)
    return load(path, options.overrides, options.region)


def _of_template(template: Template, options: Options) -> Selection:
    """Choose functions of a template.

    --function chooses one. A command after -- can run only one.
    Otherwise all Web Functions are chosen, and all Event Functions that a request can reach.
    If there are none, the template's only function is chosen.
    """
    web_function = template.web_function(options.function)
    if web_function is not None:
        return Selection(template, [], [web_function])
    if options.function or options.command:
        function = template.function(options.function)
        return Selection(template, [_changed(function, options)], [])
    chosen = list(template.functions.values())
    # The Lambda API serves functions without a URL too.
    if options.lambda_port is None:
        chosen = [function for function in chosen if function.has_front]
    if not chosen and not template.web_functions:
        chosen = [template.function(None)]
    functions = [_changed(config, options) for config in chosen]
    return Selection(template, functions, list(template.web_functions.values()))


def _function_here(options: Options) -> FunctionConfig:
    """Return a function that runs the command after `--`, from the current folder.

    The last word of the command is the handler, as for AWS's runtime clients
    (`python -m awslambdaric app.handler`).
    """
    code = Path.cwd()
    return FunctionConfig(
        code.name,
        code,
        handler=options.command[-1],
        name=code.name,
        url=FunctionURL("NONE", "RESPONSE_STREAM"),
        region=options.region,
    )


def _web_function_here(entry_point: str, options: Options) -> WebFunctionConfig:
    """Return a Web Function of the current folder, for `--web`."""
    code = Path.cwd()
    variables = {} if options.command else {"AWS_LAMBDA_PYTHON_ENTRYPOINT": entry_point}
    revision = RevisionConfig(
        code.name, code, "python", environment=variables, region=options.region
    )
    endpoint = EndpointConfig("prod", {"local": 100}, region=options.region)
    return WebFunctionConfig(code.name, code.name, {"local": revision}, (endpoint,))


def _changed(config: FunctionConfig, options: Options) -> FunctionConfig:
    """Return `config` with --invoke-mode applied to its Function URL.

    A function with no URL and no API gets a URL, unless --lambda-port makes it reachable.
    """
    url = config.url
    if not config.has_front and options.lambda_port is None:
        url = FunctionURL()
    if url is not None and options.invoke_mode:
        url = replace(url, invoke_mode=options.invoke_mode)
    return replace(config, url=url)
