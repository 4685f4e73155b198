"""Debian's httpx with HTTP/2: twenty requests at once, and what was spoken."""
import asyncio
import ssl
import sys

import httpx


async def main(url, ca):
    async with httpx.AsyncClient(http2=True, verify=ssl.create_default_context(cafile=ca)) as client:
        answers = await asyncio.gather(*(client.get(url) for _ in range(20)))
        good = sum(a.status_code == 200 and a.json()["scheme"] == "https" for a in answers)
        print(answers[0].http_version, good)


asyncio.run(main(sys.argv[1], sys.argv[2]))
