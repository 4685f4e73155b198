// node's http and http2 as servers that say behind an answer what they got, and what was said behind it.
import http from 'node:http'
import http2 from 'node:http2'

const [, , one, two] = process.argv.map(Number)
http.createServer((req, res) => {
    let n = 0
    req.on('data', piece => { n += piece.length })
    req.on('end', () => {
        res.writeHead(200, { Trailer: 'X-Bytes, X-Sum' })
        res.write('body')
        res.addTrailers({ 'X-Bytes': String(n), 'X-Sum': req.trailers['x-sum'] ?? 'none' })
        res.end()
    })
}).listen(one, '127.0.0.1')
http2.createServer().on('stream', stream => {
    let n = 0, sum = 'none'
    stream.on('error', () => {})
    stream.on('trailers', t => { sum = t['x-sum'] })
    stream.on('data', piece => { n += piece.length })
    stream.on('end', () => setImmediate(() => {
        stream.respond({ ':status': 200, trailer: 'x-bytes, x-sum' }, { waitForTrailers: true })
        stream.on('wantTrailers', () => stream.sendTrailers({ 'x-bytes': String(n), 'x-sum': sum }))
        stream.end('body')
    }))
}).listen(two, '127.0.0.1')
