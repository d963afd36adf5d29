"""The FastAPI app behind Mangum, for Lambda's own Python runtime."""

from benchmarks.apps.frameworks import app
from mangum import Mangum

handler = Mangum(app, lifespan="off")
