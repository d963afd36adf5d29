# On any image that has Python: no runtime of Lambda's is in it, and none is needed.
ARG BASE=python:3.13-slim
FROM ${BASE}

WORKDIR /var/task
COPY app/requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt

COPY app/ .
ENV LAMBDA_ASGI_RESPONSE_MODE=streaming
ENTRYPOINT ["python", "serve.py"]
