// node's http2 over TLS: `ask URL CA`, many requests on one session; `serve PORT FOLDER`, a server of files.
import http2 from 'node:http2'
import fs from 'node:fs'

const [, , what, where, path] = process.argv

async function ask() {
    const check = (name, want, got) => console.log(want === got ? `ok http2_tls/${name}` : `not ok http2_tls/${name}: expected ${want}, got ${got}`)
    const session = http2.connect(where, { ca: fs.readFileSync(path) })
    const get = path => new Promise((done, fail) => {
        const stream = session.request({ ':path': path })
        let status = 0, bytes = 0
        stream.on('response', h => { status = h[':status'] })
        stream.on('data', piece => { bytes += piece.length })
        stream.on('end', () => done({ status, bytes }))
        stream.on('error', fail)
    })
    const answers = await Promise.all(Array.from({ length: 80 }, (_, i) => get(i % 2 ? '/whoami' : '/openapi.json')))
    check('node_asks_for_80_at_once', 80, answers.filter(a => a.status === 200 && a.bytes > 50).length)
    check('node_has_agreed_on_it', 'h2', session.alpnProtocol)
    await new Promise(done => session.close(done))
}

function serve() {
    http2.createSecureServer({ key: fs.readFileSync(`${path}/key.pem`), cert: fs.readFileSync(`${path}/cert.pem`) }).on('stream', (stream, headers) => {
        const file = `${path}${headers[':path']}`
        stream.on('error', () => {})
        if (!fs.existsSync(file)) {
            stream.respond({ ':status': 404 }, { endStream: true })
            return
        }
        stream.respond({ ':status': 200 })
        fs.createReadStream(file).pipe(stream)
    }).listen(Number(where), '127.0.0.1')
}

if (what === 'ask') await ask()
else serve()
