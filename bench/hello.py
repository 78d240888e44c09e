"""The yardstick of CPU: a hello-world of the same framework, served the same way."""

import sys

import uvicorn
from fastapi import FastAPI

from app.main import server_options

app = FastAPI()


@app.get("/")
async def hello() -> dict[str, str]:
    return {"hello": "world"}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), **server_options())
