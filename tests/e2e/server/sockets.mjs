// Bare sockets: pipelines, pieces, and ends of one side.
import net from 'node:net';

const { hostname, port } = new URL(process.argv[2]);
const check = (name, good, why) => console.log(good ? `ok server/${name}` : `not ok server/${name}: ${JSON.stringify(why)}`);

// All that comes until the server ends it; `talk` does the writing.
const conversation = (talk) => new Promise((resolve) => {
    const socket = net.connect({ host: hostname, port: Number(port), allowHalfOpen: true });
    let text = '';
    socket.setNoDelay(true);
    socket.setTimeout(8000, () => socket.destroy(new Error('nothing for 8 s')));
    socket.on('connect', () => talk(socket));
    socket.on('data', (piece) => { text += piece; });
    socket.on('end', () => { socket.end(); resolve(text); });
    socket.on('error', (error) => resolve(`${text}[${error.message}]`));
});

const request = (path, more = '') => `GET ${path} HTTP/1.1\r\nHost: x\r\n${more}\r\n`;
const ids = (text) => [...text.matchAll(/\{"item_id":(\d+),"q":null\}/g)].map((m) => Number(m[1]));
const upTo = (n) => Array.from({ length: n }, (_, i) => i);
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
const pause = (ms) => new Promise((go) => { setTimeout(go, ms); });

let text = await conversation((s) => s.write(upTo(1000).map((i) => request(`/items/${i}`, i === 999 ? 'Connection: close\r\n' : '')).join('')));
check('socket_pipelines_1000_in_order', same(ids(text), upTo(1000)), text.slice(-200));

text = await conversation((s) => s.end(upTo(100).map((i) => request(`/items/${i}`)).join('')));
check('socket_ends_its_side_and_gets_all_answers', same(ids(text), upTo(100)), `${ids(text).length} answers`);

text = await conversation(async (s) => {
    s.write(request('/items/1'));
    await pause(100);
    s.end();
});
check('socket_ends_its_side_when_answered', same(ids(text), [1]) && text.endsWith('}'), text);

text = await conversation(async (s) => {
    for (const byte of request('/items/1') + request('/items/2', 'Connection: close\r\n')) {
        s.write(byte);
        await pause(1);
    }
});
check('socket_sends_byte_by_byte', same(ids(text), [1, 2]), text);

text = await conversation((s) => s.write(request('/items/1') + 'NONSENSE\r\n\r\n' + request('/items/2')));
check('socket_nonsense_ends_the_pipeline', same(ids(text), [1]) && / 400 Bad Request/.test(text), text);

text = await conversation((s) => s.write(`POST /items/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello${request('/items/2', 'Connection: close\r\n')}`));
check('socket_unread_body_is_skipped', / 405 /.test(text) && same(ids(text), [2]), text);

const many = await Promise.all(upTo(200).map((i) => conversation((s) => s.write(request(`/items/${i}`, 'Connection: close\r\n')))));
check('socket_200_connections', many.every((t, i) => same(ids(t), [i])), `${many.filter((t, i) => !same(ids(t), [i])).length} wrong`);

// Connections broken off at any moment do not disturb the others.
await Promise.all(upTo(100).map((i) => new Promise((done) => {
    const s = net.connect({ host: hostname, port: Number(port) }, () => {
        s.write(request(`/items/${i}`).slice(0, i));
        setTimeout(() => { s.resetAndDestroy(); done(); }, i % 7);
    });
    s.on('error', () => {});
})));
text = await conversation((s) => s.write(request('/items/5', 'Connection: close\r\n')));
check('socket_resets_disturb_nobody', same(ids(text), [5]), text);
process.exit(0);
