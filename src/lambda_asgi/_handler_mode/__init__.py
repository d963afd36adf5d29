"""Handler mode: Lambda's own loop calls `handler(event, context)`, and we stream from inside that call.

lambda_loop   the only module that knows awslambdaric, Lambda's own Python runtime
handler       one call: stream or answer, then give the loop and its wrappers a result
results       what a wrapper answers in the app's place, as a response (pure)
connection    a plain socket to the Runtime API
writer        a streamed response on that socket
"""
