"""The probe under AWS's own Python loop, through Mangum."""

from app import app  # type: ignore[import-not-found]
from mangum import Mangum

handler = Mangum(app, lifespan="off")
