"""Keep pydantic's old version 1 from being imported. Imported first, by the server process only.

FastAPI checks for each parameter whether it is a model of pydantic 1, and imports that package to
find out. The import takes 70 ms of the 400 ms that a cold start spends on imports. With None in
`sys.modules` the import fails, and FastAPI takes that for "no"
(https://docs.python.org/3/reference/import.html#the-module-cache).
"""

import sys

sys.modules.setdefault("pydantic.v1", None)  # type: ignore[arg-type]  # documented, as above
