// npm's ws as a server: prints its port, echoes, and refuses /refused.
import { createServer } from "node:http";
import { WebSocketServer } from "ws";

const http = createServer();
const options = { noServer: true, perMessageDeflate: { threshold: 0 }, maxPayload: 16 << 20, handleProtocols: (set) => (set.has("second") ? "second" : false) };
const server = new WebSocketServer(options);
http.on("upgrade", (request, socket, head) => {
  if (request.url === "/refused") {
    socket.end("HTTP/1.1 401 Unauthorized\r\nContent-Length: 9\r\n\r\nwho's it?");
    return;
  }
  server.handleUpgrade(request, socket, head, (ws) => {
    ws.on("message", (data, binary) => (String(data) === "close me" ? ws.close(4001, "as you wish") : ws.send(data, { binary })));
  });
});
http.listen(0, "127.0.0.1", () => console.log(http.address().port));
