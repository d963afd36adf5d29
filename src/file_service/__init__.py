"""A download service over a folder or a bucket: FastAPI, on any ASGI server, at home on Lambda."""
