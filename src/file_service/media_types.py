"""Media types by file name. Pure: the same answer on every machine, whatever its /etc/mime.types says."""

from mimetypes import MimeTypes

_TYPES = MimeTypes()  # the standard library's own table, without the files of the system
for _extension, _type in {
    ".7z": "application/x-7z-compressed",
    ".avif": "image/avif",
    ".epub": "application/epub+zip",
    ".flac": "audio/flac",
    ".geojson": "application/geo+json",
    ".heic": "image/heic",
    ".js": "text/javascript",
    ".log": "text/plain",
    ".m4a": "audio/mp4",
    ".md": "text/markdown",
    ".mjs": "text/javascript",
    ".mkv": "video/matroska",
    ".ndjson": "application/x-ndjson",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".parquet": "application/vnd.apache.parquet",
    ".toml": "application/toml",
    ".wasm": "application/wasm",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
    ".xhtml": "application/xhtml+xml",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
}.items():
    _TYPES.add_type(_type, _extension)

# A compressed file is served as what it is; as a Content-Encoding the front door would unpack it (a Function URL does).
_COMPRESSED = {
    "gzip": "application/gzip",
    "bzip2": "application/x-bzip2",
    "xz": "application/x-xz",
    "br": "application/x-brotli",
}

# Browsers run or style these in the origin of the service.
_ACTIVE = {"text/html", "application/xhtml+xml", "image/svg+xml", "text/xml", "application/xml"}


def media_type(path: str) -> str:
    """The Content-Type of a file of this name; `application/octet-stream` when the name does not tell."""
    guessed, encoding = _TYPES.guess_type(f"./{path}")  # "./", or a name like "data:text/html,x" is read as a URL
    if encoding is not None:
        return _COMPRESSED.get(encoding, "application/octet-stream")
    if guessed is None:
        return "application/octet-stream"
    # Read as UTF-8, which ASCII is: without a charset browsers take the user's locale (HTML section 13.2.3).
    return f"{guessed}; charset=utf-8" if guessed.startswith("text/") else guessed


def is_active(media_type: str) -> bool:
    """Whether a browser that opens it inline may run scripts that the file brings along."""
    return media_type.partition(";")[0] in _ACTIVE
