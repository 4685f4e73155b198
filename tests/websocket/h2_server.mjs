// npm's ws on streams of node's http2 (RFC 8441): h2_server.mjs [KEY CERT [without]] prints its port, echoes, and refuses /refused. With a key it
// speaks TLS, and HTTP/1.1 to those who choose that; "without" says nothing of WebSockets in its SETTINGS. GET tells how many sockets and
// how many WebSockets over each protocol there have been.
import { readFileSync } from "node:fs";
import http2 from "node:http2";
import { WebSocket, WebSocketServer } from "ws";
import extension from "./node_modules/ws/lib/extension.js";
import PerMessageDeflate from "./node_modules/ws/lib/permessage-deflate.js";

const [key, cert, without] = process.argv.slice(2);
const seen = { sockets: 0, streams: 0, upgrades: 0 };
const maxPayload = 16 << 20;

function serve(ws) {
  ws.on("message", (data, binary) => (String(data) === "close me" ? ws.close(4001, "as you wish") : ws.send(data, { binary })));
}

// What WebSocketServer does for HTTP/1.1, of whose answer it writes the lines itself.
function accept(stream, headers) {
  const answer = { ":status": 200 };
  const ws = new WebSocket(null, undefined, { autoPong: true });
  const said = headers["sec-websocket-extensions"];
  const offers = said && extension.parse(said)["permessage-deflate"];
  const deflate = new PerMessageDeflate({ threshold: 0 }, true, maxPayload);
  if (offers) {
    deflate.accept(offers);
    ws._extensions["permessage-deflate"] = deflate;
    answer["sec-websocket-extensions"] = extension.format({ "permessage-deflate": [deflate.params] });
  }
  if (/\bsecond\b/.test(headers["sec-websocket-protocol"])) answer["sec-websocket-protocol"] = "second";
  stream.respond(answer);
  ws.setSocket(stream, Buffer.alloc(0), { maxPayload, allowSynchronousEvents: true, skipUTF8Validation: false });
  seen.streams++;
  serve(ws);
}

const settings = without ? {} : { enableConnectProtocol: true };
const server = key ? http2.createSecureServer({ settings, allowHTTP1: true, key: readFileSync(key), cert: readFileSync(cert) }) : http2.createServer({ settings });
server.on(key ? "secureConnection" : "connection", () => seen.sockets++);
server.on("stream", (stream, headers) => {
  stream.on("error", (e) => console.error(e.message));
  if (headers[":method"] !== "CONNECT") return;
  if (headers[":path"] === "/refused") {
    stream.respond({ ":status": 401 });
    stream.end("who's it?");
  } else accept(stream, headers);
});
server.on("connect", () => {});              // else node answers a CONNECT itself, 405
server.on("request", (request, response) => { if (request.method === "GET") response.end(`${seen.sockets} ${seen.streams} ${seen.upgrades}`); });
const others = new WebSocketServer({ noServer: true, maxPayload, perMessageDeflate: { threshold: 0 }, handleProtocols: (set) => (set.has("second") ? "second" : false) });
server.on("upgrade", (request, socket, head) => {
  if (request.url === "/refused") {
    socket.end("HTTP/1.1 401 Unauthorized\r\nContent-Length: 9\r\n\r\nwho's it?");
    return;
  }
  seen.upgrades++;
  others.handleUpgrade(request, socket, head, serve);
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
