// node's http2 as a server of files, without TLS.
import http2 from 'node:http2'
import fs from 'node:fs'

const [, , port, folder] = process.argv
http2.createServer().on('stream', (stream, headers) => {
    const path = `${folder}${headers[':path']}`
    if (!fs.existsSync(path)) {
        stream.respond({ ':status': 404 }, { endStream: true })
        return
    }
    stream.on('error', () => {})
    stream.respond({ ':status': 200 })
    fs.createReadStream(path).pipe(stream)
}).listen(Number(port), '127.0.0.1')
