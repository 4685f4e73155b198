// Bodies from node: streams of chunks, 100 Continue, and uploads that are refused on their way.
import http from 'node:http';

const url = process.argv[2];
const check = (name, good, why) => console.log(good ? `ok server/${name}` : `not ok server/${name}: ${JSON.stringify(why)}`);
const order = JSON.stringify({ email: 'a@b.c', quantity: 3, notes: ['n'] });
const type = { 'Content-Type': 'application/json' };

const post = (headers, send) => new Promise((resolve, reject) => {
    const request = http.request(`${url}/orders`, { method: 'POST', headers: { ...type, ...headers } }, (res) => {
        let body = '';
        res.on('data', (piece) => { body += piece; });
        res.on('end', () => resolve({ status: res.statusCode, body, headers: res.headers }));
    });
    request.on('error', reject);
    send(request);
});

const whole = await post({}, (r) => r.end(order));
check('node_posts', whole.status === 201 && whole.headers.location === `/orders/${JSON.parse(whole.body).id}`, whole.body);

const pieces = await post({}, async (r) => {
    for (const c of order) {
        r.write(c);
        await new Promise((go) => { setImmediate(go); });
    }
    r.end();
});
check('node_posts_a_chunk_a_byte', pieces.status === 201, pieces.body);

let continued = 0;
const expecting = await post({ Expect: '100-continue', 'Content-Length': order.length }, (r) => {
    r.flushHeaders();
    r.on('continue', () => { continued++; r.end(order); });
});
check('node_waits_for_continue', expecting.status === 201 && continued === 1, `${expecting.status}, ${continued} times`);

const refused = await post({ Expect: '100-continue', 'Content-Length': 2 << 20 }, (r) => {
    r.flushHeaders();
    r.on('continue', () => { continued++; });
    r.on('response', () => r.destroy());
});
check('node_is_refused_instead', refused.status === 413 && continued === 1, `${refused.status}, ${continued} times`);

const large = await post({}, (r) => {
    for (let i = 0; i < 32; i++) r.write(Buffer.alloc(64 * 1024, ' '));
    r.end();
});
check('node_gets_413_for_chunks_without_an_end', large.status === 413 && large.body.includes('body_bytes_max'), String(large.status));

const orders = await Promise.all(Array.from({ length: 100 }, () => fetch(`${url}/orders`, { method: 'POST', headers: type, body: order }).then((r) => r.json())));
check('fetch_posts_100_at_once', new Set(orders.map((o) => o.id)).size === 100, JSON.stringify(orders[0]));
process.exit(0);
