"""What the operating system says about a file, in the words of this service."""

import errno

from file_service.errors import NotFound, SourceError, SourceRefused, SourceUnavailable

# What cannot exist and what is not a file are one answer.
_ABSENT = {
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.ENAMETOOLONG,
    errno.ELOOP,
    errno.EINVAL,
    errno.ENXIO,  # a socket
}


def source_error(error: OSError, path: str) -> SourceError:
    if error.errno in _ABSENT:
        return NotFound(path)
    if error.errno in {errno.EACCES, errno.EPERM}:
        return SourceRefused(f"The service may not read {path}: {error.strerror}")
    return SourceUnavailable(f"Reading {path} failed: {error.strerror}")
