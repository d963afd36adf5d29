from common import adapt, make_app
from warmer import warmer

app = make_app()
handler = warmer(send_metric=False)(adapt(app))
