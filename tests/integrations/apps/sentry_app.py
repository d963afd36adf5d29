import os

import sentry_sdk
from common import Afterwards, adapt, make_app
from sentry_sdk.integrations.aws_lambda import AwsLambdaIntegration

if os.environ["ADAPTER"] == "runtime":
    sentry_sdk.init(dsn=os.environ["SENTRY_DSN"], traces_sample_rate=1.0)
    handler = adapt(Afterwards(make_app(), sentry_sdk.flush))
else:  # the integration for Lambda flushes when the handler returns
    sentry_sdk.init(dsn=os.environ["SENTRY_DSN"], integrations=[AwsLambdaIntegration()], traces_sample_rate=1.0)
    handler = adapt(make_app())
