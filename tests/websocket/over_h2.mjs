// node's http2 before weft's server: WebSockets as streams of one connection (RFC 8441), their frames written by hand: node over_h2.mjs
// http://127.0.0.1:PORT. Prints "ok NAME" and "not ok NAME: why".
import http2 from "node:http2";

const check = (name, want, got) => console.log(want === got ? `ok websocket/over_http2_${name}` : `not ok websocket/over_http2_${name}: expected ${want}, got ${got}`);
const session = http2.connect(process.argv[2]);
session.on("error", (e) => check("session", "no error", e.message));
const settings = await new Promise((done) => session.once("remoteSettings", done));
check("is_offered", true, settings.enableConnectProtocol);

// A client's frame with a mask; messages of up to 65535 bytes.
function frame(op, payload) {
  const n = payload.length, mask = Buffer.from([1, 2, 3, 4]);
  const head = n < 126 ? Buffer.from([0x80 | op, 0x80 | n]) : Buffer.from([0x80 | op, 0x80 | 126, n >> 8, n & 255]);
  return Buffer.concat([head, mask, payload.map((byte, i) => byte ^ mask[i % 4])]);
}

function open(path, headers = {}) {
  const stream = session.request({ ":method": "CONNECT", ":protocol": "websocket", ":path": path, "sec-websocket-version": "13", ...headers }, { endStream: false });
  const ws = { stream, bytes: Buffer.alloc(0), wakes: () => {} };
  ws.status = new Promise((done, fail) => { stream.on("response", (h) => done(h[":status"])); stream.on("error", fail); });
  ws.ended = new Promise((done) => stream.on("end", done));
  stream.on("data", (piece) => { ws.bytes = Buffer.concat([ws.bytes, piece]); ws.wakes(); });
  ws.next = async () => {
    for (;;) {
      const b = ws.bytes, n = b.length < 2 ? -1 : b[1] < 126 ? b[1] : b.length < 4 ? -1 : b[2] * 256 + b[3], head = b.length > 1 && b[1] === 126 ? 4 : 2;
      if (n >= 0 && b.length >= head + n) {
        ws.bytes = b.subarray(head + n);
        return { op: b[0] & 15, payload: b.subarray(head, head + n) };
      }
      await new Promise((done) => { ws.wakes = done; });
    }
  };
  ws.send = (text) => stream.write(frame(1, Buffer.from(text)));
  return ws;
}

const many = Array.from({ length: 50 }, () => open("/echo"));
const statuses = await Promise.all(many.map((ws) => ws.status));
check("fifty_are_accepted", 50, statuses.filter((s) => s === 200).length);
let same = 0;
await Promise.all(many.map(async (ws, i) => {
  for (let k = 0; k < 20; k++) {
    const text = `${i}:${k}:` + "x".repeat(i * 100);
    ws.send(text);
    const back = await ws.next();
    same += String(back.payload) === text;
  }
}));
check("each_has_its_own_echo", 1000, same);

many[0].stream.close(http2.constants.NGHTTP2_CANCEL);
many[0].stream.on("error", () => {});
many[1].send("still here");
check("one_that_is_reset_takes_no_other_with_it", "still here", String((await many[1].next()).payload));
many[1].stream.write(frame(8, Buffer.from([3, 232])));
const close = await many[1].next();
check("a_close_is_answered", "8:1000", `${close.op}:${close.payload.readUInt16BE(0)}`);
await many[1].ended;
check("and_ends_the_stream", true, many[1].stream.readableEnded);

const nowhere = open("/nowhere");
check("no_route_is_404", 404, await nowhere.status);
nowhere.stream.close();
for (const ws of many) ws.stream.destroy();
session.close();
setTimeout(() => session.destroy(), 500).unref();
