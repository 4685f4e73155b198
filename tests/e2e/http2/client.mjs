// node's http2 as a client: many requests at once, one that is taken back, a PING, a session that is closed.
import http2 from 'node:http2'

const check = (name, want, got) => console.log(want === got ? `ok http2/${name}` : `not ok http2/${name}: expected ${want}, got ${got}`)
const session = http2.connect(process.argv[2])
const ask = (path, headers = {}) => new Promise((done, fail) => {
    const stream = session.request({ ':path': path, ...headers })
    let status = 0, body = ''
    stream.on('response', h => { status = h[':status'] })
    stream.setEncoding('utf8')
    stream.on('data', piece => { body += piece })
    stream.on('end', () => done({ status, body }))
    stream.on('error', fail)
})

const answers = await Promise.all(Array.from({ length: 80 }, (_, i) => ask(`/items/${i}`)))
check('node_asks_for_80_at_once', 80, answers.filter((a, i) => a.body === `{"item_id":${i},"q":null}`).length)
const gone = session.request({ ':path': '/items/1' })
gone.on('error', () => {})
gone.close(http2.constants.NGHTTP2_CANCEL)
check('node_takes_one_back_and_goes_on', 200, (await ask('/items/2')).status)
check('node_asks_with_HEAD', '200 ', await ask('/items/2', { ':method': 'HEAD' }).then(a => `${a.status} ${a.body}`))
check('node_is_told_405', 405, (await ask('/items/2', { ':method': 'DELETE' })).status)
check('node_pings', true, await new Promise(done => session.ping((err) => done(!err))))
await new Promise(done => session.close(done))
