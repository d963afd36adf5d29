"""A download service for a folder or a bucket: a FastAPI app for any ASGI server and for Lambda."""
