"""GET /healthz: whether the process answers.

It does not ask the store, because a restart would not help a slow store.
"""

from fastapi import APIRouter

router = APIRouter()


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    return {"status": "ok"}
