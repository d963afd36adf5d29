from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig, idempotent
from common import adapt, make_app

app = make_app()
orders = 0


@app.post("/orders", status_code=201)
async def order() -> dict[str, int]:
    global orders
    orders += 1
    return {"order": orders}


call = adapt(app)
table = DynamoDBPersistenceLayer(table_name="Idempotency")


@idempotent(persistence_store=table, config=IdempotencyConfig(event_key_jmespath='headers."idempotency-key"'))
def handler(event, context):
    return call(event, context)
