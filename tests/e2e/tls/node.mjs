// Node's https: a server for our client (serve PORT CERT KEY), and a client of our server (ask PORT CA [CERT KEY]).
import fs from 'node:fs';
import https from 'node:https';

const [, , what, port, ca, cert, key] = process.argv;
if (what === 'serve') {
    const server = https.createServer({ cert: fs.readFileSync(ca), key: fs.readFileSync(cert) }, (request, response) => {
        response.setHeader('Content-Type', 'text/plain');
        response.end(`node answers ${request.url} over ${request.socket.getProtocol()}`);
    });
    server.listen(Number(port), '127.0.0.1', () => console.log('listening'));
} else {
    const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
    const options = { agent, ca: fs.readFileSync(ca), cert: cert && fs.readFileSync(cert), key: key && fs.readFileSync(key) };
    const ask = () => new Promise((resolve, reject) => {
        https.get(`https://127.0.0.1:${port}/whoami`, options, response => {
            const { localPort } = response.socket;
            let text = '';
            response.on('data', piece => { text += piece; });
            response.on('end', () => resolve(`${response.statusCode} ${text} ${localPort}`));
        }).on('error', reject);
    });
    const answers = [];
    for (let i = 0; i < 3; i++) answers.push(await ask());
    console.log(answers[0].replace(/ \d+$/, ''));
    console.log(new Set(answers).size === 1 ? 'one connection' : answers.join('\n'));
    agent.destroy();
}
