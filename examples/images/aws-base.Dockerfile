# On AWS's base image: Lambda's own runtime calls main.handler, as it would from a zip.
ARG BASE=public.ecr.aws/lambda/python:3.13
FROM ${BASE}

COPY app/requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt

COPY app/ ${LAMBDA_TASK_ROOT}
CMD ["main.handler"]
