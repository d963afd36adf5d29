"""moto as a server of its own: it takes the keys that SeaweedFS rejects, and keeps secrets."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
from moto.core.models import DEFAULT_ACCOUNT_ID as ACCOUNT
from moto.moto_server.threaded_moto_server import ThreadedMotoServer
from moto.s3.models import s3_backends


@dataclass(frozen=True)
class Moto:
    url: str

    BUCKET = "odd"

    def environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "test-access",
            "AWS_SECRET_ACCESS_KEY": "test-secret",
            "AWS_REGION": "us-east-1",
        }

    def client(self, service: str) -> Any:
        return boto3.client(  # type: ignore[call-overload]
            service,
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="test-access",
            aws_secret_access_key="test-secret",
        )

    def put(self, files: dict[str, bytes]) -> None:
        """Into the server's memory: a client's library would make paths of the keys."""
        backend = s3_backends[ACCOUNT]["aws"]
        if self.BUCKET not in backend.buckets:
            backend.create_bucket(self.BUCKET, "us-east-1")
        for key, data in files.items():
            backend.put_object(self.BUCKET, key, data)


@contextlib.contextmanager
def moto_server() -> Iterator[Moto]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield Moto(f"http://{host}:{port}")
    finally:
        server.stop()
