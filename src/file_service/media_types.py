"""Media types by file name. Pure: the result does not depend on the machine's /etc/mime.types."""

from mimetypes import MimeTypes

_OFFICE = "application/vnd.openxmlformats-officedocument"

_TYPES = MimeTypes()  # the standard library's table, without the system's files
for _type, _extensions in {
    "application/epub+zip": ".epub",
    "application/geo+json": ".geojson",
    "application/vnd.apple.mpegurl": ".m3u8",
    "application/vnd.apache.parquet": ".parquet",
    f"{_OFFICE}.presentationml.presentation": ".pptx",
    f"{_OFFICE}.spreadsheetml.sheet": ".xlsx",
    f"{_OFFICE}.wordprocessingml.document": ".docx",
    "application/wasm": ".wasm",
    "application/x-7z-compressed": ".7z",
    "application/x-ndjson": ".ndjson .jsonl",
    "application/xhtml+xml": ".xhtml",
    "application/yaml": ".yaml .yml",
    "audio/flac": ".flac",
    "audio/mp4": ".m4a",
    "audio/ogg": ".ogg .opus",
    "font/woff2": ".woff2",
    "image/avif": ".avif",
    "image/heic": ".heic",
    "image/webp": ".webp",
    "text/javascript": ".js .mjs",
    "text/markdown": ".md",
    # Types that people read and edit. Browsers show text/plain, and would save some of these types.
    "text/plain": ".cfg .conf .env .go .ini .kt .lock .log .properties .rs .sql .swift .toml .tsx",
    "video/matroska": ".mkv",
}.items():
    for _extension in _extensions.split():
        _TYPES.add_type(_type, _extension)

# `.ts` is TypeScript or a segment of a video stream. A video consists of packets of 188 bytes
# (ISO/IEC 13818-1), and a few seconds of it are larger than this.
_PACKET_BYTES = 188
_SEGMENT_BYTES = 100 * _PACKET_BYTES

# A compressed file is served as it is. As a Content-Encoding, a front door might decompress it.
_COMPRESSED = {
    "gzip": "application/gzip",
    "bzip2": "application/x-bzip2",
    "xz": "application/x-xz",
    "br": "application/x-brotli",
}

# Browsers run scripts or styles of these types in the origin of the service.
_ACTIVE = {"text/html", "application/xhtml+xml", "image/svg+xml", "text/xml", "application/xml"}


def media_type(path: str, size: int) -> str:
    """Return the Content-Type of a file by its name and size.

    It is `application/octet-stream` if the type is unknown.
    """
    if path.lower().endswith(".ts"):
        segment = size >= _SEGMENT_BYTES and size % _PACKET_BYTES == 0
        return "video/mp2t" if segment else "text/plain; charset=utf-8"
    # without "./", a name like "data:text/html,x" would be parsed as a URL
    guessed, encoding = _TYPES.guess_type(f"./{path}")
    if encoding is not None:
        return _COMPRESSED.get(encoding, "application/octet-stream")
    if guessed is None:
        return "application/octet-stream"
    # UTF-8 includes ASCII. Without a charset, browsers use the locale's (HTML section 13.2.3).
    return f"{guessed}; charset=utf-8" if guessed.startswith("text/") else guessed


def is_active(media_type: str) -> bool:
    """Return whether a browser may run scripts in the file when it opens it inline."""
    return media_type.partition(";")[0] in _ACTIVE
