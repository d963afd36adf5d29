"""ListObjectsV2: the contents of a bucket, page by page, including odd keys.

obstore cannot list a bucket with a key that its path type rejects, such as `a//b`: the whole page
is an error, and so is every listing above it. Source: "ListObjectsV2", S3 API Reference.
"""

import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple
from urllib.parse import quote, unquote_plus

from file_service.aws.client import AwsClient, Reply
from file_service.aws.credentials import NoCredentials
from file_service.errors import SourceError, SourceRefused, SourceUnavailable

# Retrying does not help with these: the operator must act.
_REFUSED = {301, 400, 401, 403, 404}


class S3Object(NamedTuple):
    """One object. `etag` has its quotes; it is None if the store sends none."""

    key: str
    size: int
    modified: datetime
    etag: str | None


class S3Page(NamedTuple):
    """Both lists are in the order of their UTF-8 bytes. `prefixes` end with the delimiter."""

    objects: Sequence[S3Object]
    prefixes: Sequence[str]


class S3Listing:
    """Lists the objects of one bucket. Blocking.

    Args:
        client: A client of S3.
        base_path: The path of the endpoint's URL, before the bucket.
        bucket: The bucket.
    """

    def __init__(self, client: AwsClient, base_path: str, bucket: str) -> None:
        self._client = client
        self._path = f"{base_path.rstrip('/')}/{quote(bucket)}"
        self._bucket = bucket

    def pages(
        self, prefix: str, *, after: str = "", delimiter: str = "", limit: int = 1000
    ) -> Iterator[S3Page]:
        """Yield what starts with `prefix`, after the key `after`. Blocking.

        Args:
            prefix: What the keys begin with.
            after: A key. Those up to it are left out.
            delimiter: Keys that contain it after `prefix` are replaced by their part up to it.
            limit: The largest number of keys and prefixes on a page.

        Raises:
            SourceError: The store does not answer, or refuses.
        """
        query = {
            "list-type": "2",
            "prefix": prefix,
            "max-keys": str(limit),
            "encoding-type": "url",
        }
        if delimiter:
            query["delimiter"] = delimiter
        if after:
            query["start-after"] = after
        while True:
            root = self._ask(query)
            # URL-encoded, because XML cannot express control characters.
            decode = unquote_plus if root.findtext("EncodingType") == "url" else str
            objects = [_object(element, decode) for element in root.iter("Contents")]
            prefixes = [
                decode(element.findtext("Prefix", "")) for element in root.iter("CommonPrefixes")
            ]
            yield S3Page(objects, prefixes)
            token = root.findtext("NextContinuationToken")
            if root.findtext("IsTruncated") != "true" or not token:
                return
            query["continuation-token"] = token

    def _ask(self, query: dict[str, str]) -> ElementTree.Element:
        call = f"ListObjectsV2 of bucket {self._bucket!r}, prefix {query['prefix']!r}"
        try:
            reply = self._client.request("GET", self._path, query)
        except NoCredentials as error:
            raise SourceRefused(f"{call}: {error}") from error
        except OSError as error:
            raise SourceUnavailable(f"{call}: {error}") from error
        if reply.status != 200:
            raise failure(call, reply)
        try:
            return _without_namespace(ElementTree.fromstring(reply.body))
        except ElementTree.ParseError as error:
            raise SourceUnavailable(f"{call}: the reply is no XML: {error}") from error


def failure(call: str, reply: Reply) -> SourceError:
    """Return the error for a reply that is not 200. Its message names the call and the code."""
    try:
        document = _without_namespace(ElementTree.fromstring(reply.body))
        said = f"{document.findtext('Code')}: {document.findtext('Message')}"
    except ElementTree.ParseError:
        said = "no code"
    kind = SourceRefused if reply.status in _REFUSED else SourceUnavailable
    return kind(f"{call}: {reply.status} {said}")


def _object(element: ElementTree.Element, decode: Callable[[str], str]) -> S3Object:
    key = element.findtext("Key", "")
    size = element.findtext("Size", "0")
    modified = datetime.fromisoformat(element.findtext("LastModified", ""))
    modified = modified.replace(microsecond=0)
    etag = element.findtext("ETag")
    return S3Object(decode(key), int(size), modified, etag)


def _without_namespace(root: ElementTree.Element) -> ElementTree.Element:
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root
