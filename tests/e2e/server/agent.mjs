// node's own HTTP client and its fetch: hundreds of requests at once over connections that are kept.
import http from 'node:http';

const url = process.argv[2];
const check = (name, good, why) => console.log(good ? `ok server/${name}` : `not ok server/${name}: ${JSON.stringify(why)}`);

const get = (agent, path) => new Promise((resolve, reject) => {
    http.get(url + path, { agent }, (res) => {
        let body = '';
        res.on('data', (piece) => { body += piece; });
        res.on('end', () => resolve({ status: res.statusCode, body }));
    }).on('error', reject);
});

const agent = new http.Agent({ keepAlive: true, maxSockets: 50 });
const locals = new Set();
agent.on('free', (socket) => locals.add(socket.localPort));
const all = await Promise.all(Array.from({ length: 500 }, (_, i) => get(agent, `/items/${i}`)));
check('node_500_at_once', all.every((a, i) => a.status === 200 && a.body === `{"item_id":${i},"q":null}`), JSON.stringify(all.find((a) => a.status !== 200)));
check('node_keeps_its_50_connections', locals.size <= 50, `${locals.size} connections`);
for (let i = 0; i < 20; i++) await get(agent, `/items/${i}`);
check('node_reuses_them', locals.size <= 50, `${locals.size} connections`);
agent.destroy();

const fetched = await Promise.all(Array.from({ length: 200 }, async (_, i) => (await (await fetch(`${url}/items/${i}?q=${i}`)).json())));
check('fetch_200_at_once', fetched.every((item, i) => item.item_id === i && item.q === String(i)), JSON.stringify(fetched.slice(0, 3)));
const head = await fetch(`${url}/items/7`, { method: 'HEAD' });
check('fetch_head', head.status === 200 && head.headers.get('content-length') === '22' && (await head.text()) === '', String(head.status));
process.exit(0);
