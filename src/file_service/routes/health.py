"""GET /healthz: whether the process answers. It does not ask the store: a slow store needs no
restart.
"""

from fastapi import APIRouter

router = APIRouter()


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    return {"status": "ok"}
