"""What every route works with: the settings and the source of this app."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from file_service.settings import Settings as SettingsModel
from file_service.sources import FileSource


def _settings(request: Request) -> SettingsModel:
    settings: SettingsModel = request.app.state.settings
    return settings


def _source(request: Request) -> FileSource:
    source: FileSource = request.app.state.source
    return source


Settings = Annotated[SettingsModel, Depends(_settings)]
Source = Annotated[FileSource, Depends(_source)]
