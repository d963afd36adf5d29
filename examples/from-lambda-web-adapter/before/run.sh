#!/bin/sh
exec python -m uvicorn --port "$AWS_LWA_PORT" main:app
