"""Imported first by a process that serves this app, and by nobody else: it holds for the whole process.

FastAPI asks of each parameter whether it is a model of pydantic's old version 1, and to know imports all of that: 70 ms
of the 400 that a cold start spends on imports. With None here the import fails, which FastAPI takes for a no
(https://docs.python.org/3/reference/import.html#the-module-cache).
"""

import sys

sys.modules.setdefault("pydantic.v1", None)  # type: ignore[arg-type]  # documented, as above
