"""Handler mode: Lambda's own loop calls `handler(event, context)`, and we stream during that call.

lambda_loop   the only module that knows awslambdaric, Lambda's own Python runtime handler       one
call: stream or answer, then give the loop and its wrappers a result results       the response when
a wrapper answers instead of the app (pure) connection    a plain socket to the Runtime API writer
a streamed response on that socket
"""
