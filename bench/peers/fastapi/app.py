"""The benchmark's routes on FastAPI.

UPSTREAMS names the three ports on 127.0.0.1 that /fan asks, FAN_CLIENT the HTTP client it asks with (httpx or
aiohttp). Both clients are made once and shared: one per request would cost milliseconds.
"""
import asyncio
import os

import aiohttp
import httpx
from fastapi import FastAPI
from pydantic import BaseModel, Field

PORTS = os.environ.get("UPSTREAMS", "9501,9502,9503").split(",")

app = FastAPI()
clients = {}


class Item(BaseModel):
    item_id: int


class NewItem(BaseModel):
    name: str = Field(min_length=1, max_length=100)
    price: float = Field(ge=0)
    tags: list[str] = Field(max_items=16)


class Service(BaseModel):
    service: str
    value: int
    ok: bool
    tags: list[str]


class Joined(BaseModel):
    a: Service
    b: Service
    c: Service


@app.on_event("startup")
async def open_clients():
    everything = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    clients["httpx"] = httpx.AsyncClient(limits=everything, timeout=None)
    clients["aiohttp"] = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))


@app.on_event("shutdown")
async def close_clients():
    await clients["httpx"].aclose()
    await clients["aiohttp"].close()


async def ask_httpx(url: str) -> Service:
    reply = await clients["httpx"].get(url)
    return Service(**reply.json())


async def ask_aiohttp(url: str) -> Service:
    async with clients["aiohttp"].get(url) as reply:
        return Service(**await reply.json())


ask = ask_httpx if os.environ.get("FAN_CLIENT") == "httpx" else ask_aiohttp


@app.get("/items/{item_id}", response_model=Item)
async def read_item(item_id: int):
    return Item(item_id=item_id)


@app.post("/items", response_model=NewItem)
async def create_item(item: NewItem):
    return item


@app.get("/fan/{delay_ms}", response_model=Joined)
async def fan(delay_ms: int):
    a, b, c = await asyncio.gather(*(ask(f"http://127.0.0.1:{port}/d{delay_ms}") for port in PORTS))
    return Joined(a=a, b=b, c=c)
