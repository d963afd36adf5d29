"""`app` for any ASGI server, `handler` for Lambda."""

from pathlib import Path

from file_service.app import create_app
from file_service.settings import load_settings
from file_service.sources.local import LocalSource

settings = load_settings()
app = create_app(settings, LocalSource(Path(settings.source), show_hidden=settings.show_hidden))
