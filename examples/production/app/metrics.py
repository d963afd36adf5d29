"""Turns lambda_asgi's line for each invocation into CloudWatch metrics.

With `LogFormat: JSON` that line is a JSON object with the fields `firstByteMs`, `bytes` and
`ending`. An `_aws` object in the same line tells CloudWatch to make metrics of it. That needs no
agent, no API call and no second line.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import logging
import os

BROKEN = {"blocked", "broken", "deadline", "disconnected"}
"""The endings of a body that stops before its end (docs/logging.md)."""


def install(namespace: str) -> None:
    logging.getLogger("lambda_asgi.access").addFilter(EmbeddedMetrics(namespace))


class EmbeddedMetrics(logging.Filter):
    """Adds TimeToFirstByte (ms), Bytes and BrokenStreams (1 or 0) to each line."""

    def __init__(self, namespace: str) -> None:
        super().__init__()
        self.namespace = namespace
        self.function = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "")

    def filter(self, record: logging.LogRecord) -> bool:
        line = vars(record)
        line["FunctionName"] = self.function
        line["Bytes"] = line["bytes"]
        line["BrokenStreams"] = int(line["ending"] in BROKEN)
        metrics = [{"Name": "Bytes", "Unit": "Bytes"}, {"Name": "BrokenStreams", "Unit": "Count"}]
        if (
            line["firstByteMs"] is not None
        ):  # a metric without its field makes the whole line invalid
            line["TimeToFirstByte"] = line["firstByteMs"]
            metrics.append({"Name": "TimeToFirstByte", "Unit": "Milliseconds"})
        line["_aws"] = {
            "Timestamp": int(record.created * 1000),
            "CloudWatchMetrics": [
                {"Namespace": self.namespace, "Dimensions": [["FunctionName"]], "Metrics": metrics}
            ],
        }
        return True
