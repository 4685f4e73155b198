// The echo of bench/weft_ws.c on npm's ws, of build/websocket (tests/e2e/websocket.sh fetches it): node server.mjs PORT.
import { WebSocketServer } from "ws";

new WebSocketServer({ host: "127.0.0.1", port: Number(process.argv[2]), perMessageDeflate: false }).on("connection", (ws) => {
  ws.on("message", (data, binary) => ws.send(data, { binary }));
});
