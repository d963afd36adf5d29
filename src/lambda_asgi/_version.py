"""The version. pyproject.toml reads it here, because a zip for Lambda has no package metadata."""

__version__ = "0.1.0"
