"""One version of an object, read to its end even if connections break."""

import asyncio
import logging

from file_service.errors import SourceUnavailable
from file_service.sources.base import Chunks, File
from file_service.sources.s3_objects import Body, S3Objects

# Attempts in a row without a byte before a read is given up. obstore retries each of them itself.
_BARREN_TRIES = 5
_RETRY_SECONDS = 0.05  # Doubled each time

_log = logging.getLogger("file_service.s3")


class S3File:
    """A file on S3. `body` is the body of the request that described the file, if there was one."""

    def __init__(self, objects: S3Objects, file: File, body: Body | None = None) -> None:
        self.file = file
        self._objects = objects
        self._body = body

    async def read(self, start: int, stop: int) -> Chunks:
        """Yield the range. A read whose connection breaks resumes at the byte where it broke.

        Raises:
            FileChanged: The object has another version by now.
            SourceUnavailable: Several connections in a row broke without a byte.
            SourceError: Any other failure.
        """
        body, self._body = self._body, None
        if body and (body.start != start or body.stop < stop):
            body = None  # This closes its connection.
        at = start
        barren = 0
        while at < stop:
            try:
                if body is None:
                    body = await self._objects.get(self.file.path, at, stop, self.file.etag)
                while at < stop and (chunk := await self._objects.next_chunk(body)):
                    wanted = chunk[: stop - at]
                    at += len(wanted)
                    barren = 0
                    yield wanted
                if at < stop:
                    raise SourceUnavailable(f"{self.file.path} ended at byte {at} of {stop}")
            except SourceUnavailable as error:
                body = None
                barren += 1
                if barren > _BARREN_TRIES:
                    raise
                _log.warning("Reading %s goes on at byte %d after: %s", self.file.path, at, error)
                await asyncio.sleep(_RETRY_SECONDS * 2 ** (barren - 1))

    async def aclose(self) -> None:
        self._body = None
