"""GET /healthz: the process answers. It does not ask the source: a slow store is no reason to restart the service."""

from fastapi import APIRouter

router = APIRouter()


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    return {"status": "ok"}
