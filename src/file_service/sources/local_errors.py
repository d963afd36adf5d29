"""Errors of the operating system as errors of this service."""

import errno

from file_service.errors import NotFound, SourceError, SourceRefused, SourceUnavailable

# A path that cannot exist and a path that is not a file get the same response.
_ABSENT = {
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.ENAMETOOLONG,
    errno.ELOOP,
    errno.EINVAL,
    errno.ENXIO,  # A socket
}


def source_error(error: OSError, path: str) -> SourceError:
    """Return the `SourceError` for an error of the file system about `path`."""
    if error.errno in _ABSENT:
        return NotFound(path)
    if error.errno in {errno.EACCES, errno.EPERM}:
        return SourceRefused(f"The service may not read {path}: {error.strerror}")
    return SourceUnavailable(f"Reading {path} failed: {error.strerror}")
