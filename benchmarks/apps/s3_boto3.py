"""An object from S3 as tutorials stream one: boto3's body, read in Starlette's threads."""

import os
from typing import Any

import boto3
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

BUCKET = os.environ["BENCHMARK_BUCKET"]
CHUNK = 1024 * 1024

app = FastAPI()
client: Any = boto3.client("s3")


@app.get("/files/{key:path}")
def get(key: str) -> StreamingResponse:
    found = client.get_object(Bucket=BUCKET, Key=key)
    headers = {"content-length": str(found["ContentLength"]), "etag": found["ETag"]}
    return StreamingResponse(
        found["Body"].iter_chunks(CHUNK), headers=headers, media_type=found["ContentType"]
    )
