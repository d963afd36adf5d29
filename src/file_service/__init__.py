"""A download service over a folder or a bucket: FastAPI, on any ASGI server, at home on Lambda."""

import sys

# FastAPI asks of each parameter whether it is a model of pydantic's old version 1, and to know imports all of that:
# 70 ms of the 400 that a cold start spends on imports. With None here the import fails, which FastAPI takes for a no.
sys.modules.setdefault("pydantic.v1", None)  # type: ignore[arg-type] # documented: import system reference, 5.3.1
