"""The file service behind Mangum: what a plain build of it would be.

It stands beside the built function.
"""

from mangum import Mangum

from file_service.main import service as app

handler = Mangum(app)
