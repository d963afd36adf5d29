"""The FastAPI app behind Mangum, for Lambda's own Python runtime."""

from mangum import Mangum

from benchmarks.apps.frameworks import app

handler = Mangum(app, lifespan="off")
