"""The benchmark's rows of PostgreSQL on FastAPI, with asyncpg's pool as it is by default (10 connections).

DSN names the database. Twenty rows are asked for one after the other on one connection: asyncpg sends no second
query before the first is answered, and a connection for each would cost more.
"""
import os
import random

import asyncpg
from fastapi import FastAPI
from pydantic import BaseModel

KEYS, MANY = 10000, 20
SELECT = "SELECT id, number FROM world WHERE id = $1"

app = FastAPI()
pools = []


class Row(BaseModel):
    id: int
    number: int


@app.on_event("startup")
async def open_pool():
    pools.append(await asyncpg.create_pool(os.environ["DSN"]))


@app.on_event("shutdown")
async def close_pool():
    await pools[0].close()


@app.get("/row", response_model=Row)
async def one_row():
    async with pools[0].acquire() as connection:
        return Row(**await connection.fetchrow(SELECT, random.randint(1, KEYS)))


@app.get("/rows", response_model=list[Row])
async def rows():
    async with pools[0].acquire() as connection:
        select = await connection.prepare(SELECT)
        return [Row(**await select.fetchrow(random.randint(1, KEYS))) for _ in range(MANY)]
