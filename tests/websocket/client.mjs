// npm's ws before weft's server: node client.mjs ws://127.0.0.1:PORT. Prints "ok NAME" and "not ok NAME: why".
import { WebSocket } from "ws";

const base = process.argv[2];
const check = (name, good, why) => console.log(good ? `ok websocket/node_${name}` : `not ok websocket/node_${name}: ${why}`);

function open(path, protocols, options) {
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(base + path, protocols, options);
    ws.queue = [];
    ws.waiting = [];
    ws.closed = new Promise((done) => ws.on("close", (code, reason) => done({ code, reason: String(reason) })));
    ws.on("message", (data, binary) => (ws.waiting.length ? ws.waiting.shift()({ data, binary }) : ws.queue.push({ data, binary })));
    ws.next = () => (ws.queue.length ? Promise.resolve(ws.queue.shift()) : new Promise((r) => ws.waiting.push(r)));
    ws.on("open", () => resolve(ws));
    ws.on("unexpected-response", (request, response) => reject(new Error("answered " + response.statusCode)));
    ws.on("error", reject);
  });
}

async function echoes(path, options) {
  const ws = await open(path, [], options);
  for (const size of [0, 1, 125, 126, 127, 65535, 65536, 1000000]) {
    const bytes = Buffer.alloc(size, "abcdefg");
    ws.send(bytes, { binary: size % 2 === 0 });
    const back = await ws.next();
    check(`${path.slice(1)}_${size}_bytes`, back.binary === (size % 2 === 0) && bytes.equals(back.data), `${back.data.length} bytes came back`);
  }
  ws.close(1000, "done");
  const end = await ws.closed;
  check(`${path.slice(1)}_closes`, end.code === 1000, JSON.stringify(end));
  return ws;
}

await echoes("/echo", { perMessageDeflate: false });
for (const path of ["/deflate", "/context"]) {
  const ws = await echoes(path, { perMessageDeflate: { threshold: 0 } });
  check(`${path.slice(1)}_is_compressed`, ws.extensions.includes("permessage-deflate"), ws.extensions);
}
await echoes("/context", { perMessageDeflate: { threshold: 0, serverNoContextTakeover: true, clientNoContextTakeover: true, serverMaxWindowBits: 10, clientMaxWindowBits: 10 } });

const fragments = await open("/echo");
fragments.send("frag", { fin: false });
const between = new Promise((done) => fragments.once("pong", (data) => done(String(data))));
fragments.ping("between");
fragments.send("ment", { fin: false });
fragments.send("s", { fin: true });
check("fragments_are_joined", String((await fragments.next()).data) === "fragments", "otherwise");
check("a_ping_between_fragments_is_answered", (await between) === "between", await between);
const pong = new Promise((done) => fragments.once("pong", (data) => done(String(data))));
fragments.ping("are you there");
check("a_ping_is_answered", (await pong) === "are you there", await pong);
fragments.send("close me");
check("a_code_and_a_reason_come", JSON.stringify(await fragments.closed) === '{"code":4001,"reason":"as you wish"}', JSON.stringify(await fragments.closed));

const chosen = await open("/echo", ["first", "second"]);
check("the_servers_first_subprotocol_is_taken", chosen.protocol === "second", chosen.protocol);
chosen.send("fail");
check("a_failure_is_1008", (await chosen.closed).code === 1008, JSON.stringify(await chosen.closed));

const small = await open("/small");
small.send("x".repeat(1001));
check("too_large_a_message_is_1009", (await small.closed).code === 1009, JSON.stringify(await small.closed));

const pinged = await open("/pings");
await new Promise((done) => pinged.once("ping", done));
check("who_is_silent_is_asked", true);
pinged.terminate();

const refused = await open("/refused").then(() => "accepted", (e) => e.message);
check("a_refusal_is_an_answer", refused === "answered 403", refused);
const foreign = await open("/echo", [], { origin: "https://evil.example" }).then(() => "accepted", (e) => e.message);
check("pages_of_others_are_refused", foreign === "answered 403", foreign);

const counters = await Promise.all(Array.from({ length: 50 }, () => open("/count")));
for (let i = 1; i <= 3; i++) for (const ws of counters) ws.send("x");
const last = await Promise.all(counters.map(async (ws) => { await ws.next(); await ws.next(); return String((await ws.next()).data); }));
check("message_handlers_count_each_for_itself", last.every((t) => t === "3 x"), last.find((t) => t !== "3 x"));
for (const ws of counters) ws.close();

const http = base.replace("ws", "http");
const count = async () => Number(await (await fetch(http + "/ticks/ended")).text());
const watched = await open("/ticks");
await watched.next();
watched.terminate();                     // without a word
let ended = 0;
for (let i = 0; i < 20 && ended < 1; i++) {
  await new Promise((done) => setTimeout(done, 50));
  ended = await count();
}
check("who_only_sends_is_cancelled_within_a_second", ended === 1, ended);
process.exit(0);
