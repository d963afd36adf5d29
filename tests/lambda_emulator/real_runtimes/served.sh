#!/bin/sh
# The probe behind Lambda Web Adapter: an ordinary server.
exec "$PROBE_PYTHON" -m uvicorn --log-level warning --port 8080 app:app
