# Debian's python3-websockets before weft's server, and as a server: client.py ws://127.0.0.1:PORT, or client.py serve.
import asyncio
import http
import sys

import websockets


def check(name, good, why=""):
    print(f"ok websocket/python_{name}" if good else f"not ok websocket/python_{name}: {why}")


async def before_server(base):
    for path, compression in (("/echo", None), ("/deflate", "deflate"), ("/context", "deflate")):
        async with websockets.connect(base + path, compression=compression, max_size=16 << 20) as ws:
            for size in (0, 1, 125, 126, 65535, 65536, 1000000):
                data = "wool"[: size % 5] + "z" * size if size % 2 else bytes(range(256)) * (size // 256 + 1)
                await ws.send(data)
                check(f"{path[1:]}_{size}", await ws.recv() == data)
            await ws.send(["in ", "three ", "pieces"])
            check(f"{path[1:]}_fragments", await ws.recv() == "in three pieces")
            await asyncio.wait_for(await ws.ping(), 5)
            check(f"{path[1:]}_pong", True)
        check(f"{path[1:]}_close", ws.close_code == 1000, ws.close_code)
    async with websockets.connect(base + "/echo") as ws:
        await ws.send("close me")
        try:
            await ws.recv()
        except websockets.ConnectionClosed as e:
            check("code_and_reason", (e.rcvd.code, e.rcvd.reason) == (4001, "as you wish"), e)
    try:
        async with websockets.connect(base + "/refused"):
            check("refused", False, "accepted")
    except websockets.InvalidStatusCode as e:
        check("refused", e.status_code == 403, e)


async def serve():
    async def echo(ws):
        async for message in ws:
            if message == "close me":
                await ws.close(4001, "as you wish")
            else:
                await ws.send(message)

    async def refuse(path, headers):
        return (http.HTTPStatus.UNAUTHORIZED, [], b"who's it?") if path == "/refused" else None

    async with websockets.serve(echo, "127.0.0.1", 0, process_request=refuse, max_size=16 << 20, subprotocols=["second"]) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Future()


asyncio.run(serve() if sys.argv[1] == "serve" else before_server(sys.argv[1]))
