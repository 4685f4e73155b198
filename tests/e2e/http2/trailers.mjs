// node's http and http2 as clients that read trailers, and send some.
import http from 'node:http'
import http2 from 'node:http2'

const check = (name, want, got) => console.log(want === got ? `ok http2/${name}` : `not ok http2/${name}: expected ${want}, got ${got}`)
const url = process.argv[2]
const rows = '{"number":1}\n{"number":2}\n'

const ask1 = (method, path, trailers) => new Promise((done, fail) => {
    const request = http.request(url + path, { method, headers: trailers ? { Trailer: 'X-Rows' } : {} }, res => {
        let body = ''
        res.on('data', piece => { body += piece })
        res.on('end', () => done(`${res.statusCode} ${body.trim().split('\n').length} ${res.headers.trailer} ${res.trailers['x-rows']} ${body.includes('rows') ? body : ''}`.trim()))
    })
    request.on('error', fail)
    if (trailers) {
        request.write(rows)
        request.addTrailers(trailers)
    }
    request.end()
})
check('node_reads_trailers_over_http1', '200 3 X-Rows 3', await ask1('GET', '/rows/3'))
check('node_sends_trailers_over_http1', '200 1 undefined undefined {"rows":2}', await ask1('POST', '/take', { 'X-Rows': '2' }))
check('node_sends_wrong_trailers_over_http1', '422 1 undefined undefined {"detail":"2 rows came, and X-Rows says 3"}', await ask1('POST', '/take', { 'X-Rows': '3' }))

const session = http2.connect(url)
const ask2 = (method, path, trailers) => new Promise((done, fail) => {
    const stream = session.request({ ':method': method, ':path': path }, { endStream: !trailers, waitForTrailers: !!trailers })
    let body = '', head, behind = {}
    stream.setEncoding('utf8')
    stream.on('response', h => { head = h })
    stream.on('trailers', t => { behind = t })
    stream.on('data', piece => { body += piece })
    stream.on('close', () => done(`${head[':status']} ${body.trim().split('\n').length} ${head.trailer} ${behind['x-rows']} ${body.includes('rows') ? body : ''}`.trim()))
    stream.on('wantTrailers', () => stream.sendTrailers(trailers))
    stream.on('error', fail)
    if (trailers) stream.end(rows)
})
check('node_reads_trailers', '200 3 X-Rows 3', await ask2('GET', '/rows/3'))
check('node_sends_trailers', '200 1 undefined undefined {"rows":2}', await ask2('POST', '/take', { 'x-rows': '2' }))
check('node_sends_wrong_trailers', '422 1 undefined undefined {"detail":"2 rows came, and X-Rows says 3"}', await ask2('POST', '/take', { 'x-rows': '3' }))
session.close()
