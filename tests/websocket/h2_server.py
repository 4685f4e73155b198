# Debian's python3-h2 with python3-websockets' frames on its streams (RFC 8441): prints its port, echoes, and refuses /refused.
import asyncio

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded, StreamReset
from h2.settings import SettingCodes, Settings
from websockets.connection import Connection, Side, State
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.frames import Opcode
from websockets.headers import build_extension, parse_extension


class Stream:
    def __init__(self):
        self.ws = Connection(Side.SERVER, State.OPEN, max_size=16 << 20)
        self.out, self.parts, self.text, self.ended = b"", [], False, False

    def take(self, data):
        self.ws.receive_data(data)
        for frame in self.ws.events_received():
            if frame.opcode is Opcode.TEXT or frame.opcode is Opcode.BINARY:
                self.parts, self.text = [], frame.opcode is Opcode.TEXT
            if frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                self.parts.append(frame.data)
                if frame.fin:
                    self.answer(b"".join(self.parts))

    def answer(self, message):
        if message == b"close me":
            self.ws.send_close(4001, "as you wish")
        elif self.text:
            self.ws.send_text(message)
        else:
            self.ws.send_binary(message)


class Server(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.streams = transport, {}
        self.h2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self.h2.local_settings = Settings(client=False, initial_values={SettingCodes.ENABLE_CONNECT_PROTOCOL: 1})
        self.h2.initiate_connection()
        self.flush()

    def data_received(self, data):
        for event in self.h2.receive_data(data):
            if isinstance(event, RequestReceived):
                self.request(event.stream_id, dict(event.headers))
            elif isinstance(event, DataReceived):
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                if event.stream_id in self.streams:
                    self.streams[event.stream_id].take(event.data)
            elif isinstance(event, StreamEnded) and event.stream_id in self.streams:
                self.streams[event.stream_id].ws.receive_eof()
            elif isinstance(event, StreamReset):
                self.streams.pop(event.stream_id, None)
        for number, stream in list(self.streams.items()):
            self.send(number, stream)
        self.flush()

    def request(self, number, headers):
        good = headers[":method"] == "CONNECT" and headers[":protocol"] == "websocket" and headers["sec-websocket-version"] == "13"
        if not good or headers[":path"] == "/refused":
            self.h2.send_headers(number, [(":status", "401" if good else "400")])
            self.h2.send_data(number, b"who's it?", end_stream=True)
            return
        stream, answer = Stream(), [(":status", "200")]
        for name, offer in parse_extension(headers.get("sec-websocket-extensions", "")) if "sec-websocket-extensions" in headers else []:
            params, chosen = ServerPerMessageDeflateFactory().process_request_params(offer, [])
            stream.ws.extensions = [chosen]
            answer.append(("sec-websocket-extensions", build_extension([(name, params)])))
        if "second" in headers.get("sec-websocket-protocol", ""):
            answer.append(("sec-websocket-protocol", "second"))
        self.h2.send_headers(number, answer)
        self.streams[number] = stream

    def send(self, number, stream):
        pieces = stream.ws.data_to_send()
        stream.out += b"".join(pieces)
        stream.ended |= b"" in pieces        # behind both Closes
        while stream.out:
            n = min(len(stream.out), self.h2.local_flow_control_window(number), self.h2.max_outbound_frame_size)
            if n <= 0:
                return
            self.h2.send_data(number, stream.out[:n])
            stream.out = stream.out[n:]
        if stream.ended:
            self.h2.end_stream(number)
            del self.streams[number]

    def flush(self):
        self.transport.write(self.h2.data_to_send())


async def main():
    server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Future()


asyncio.run(main())
