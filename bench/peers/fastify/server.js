// The benchmark's routes on Fastify, with undici as the client.
// Usage: node server.js PORT UPSTREAM UPSTREAM UPSTREAM  (ports on 127.0.0.1)
'use strict'
const fastify = require('fastify')
const { Pool } = require('undici')

const [port, ...ports] = process.argv.slice(2)
// Without a bound on connections, as the other programs have none.
const pools = ports.map((p) => new Pool(`http://127.0.0.1:${p}`, { connections: null }))

const item = { type: 'object', required: ['item_id'], properties: { item_id: { type: 'integer' } } }
const newItem = {
  type: 'object',
  required: ['name', 'price', 'tags'],
  properties: {
    name: { type: 'string', minLength: 1, maxLength: 100 },
    price: { type: 'number', minimum: 0 },
    tags: { type: 'array', maxItems: 16, items: { type: 'string' } }
  }
}
const service = {
  type: 'object',
  required: ['service', 'value', 'ok', 'tags'],
  properties: {
    service: { type: 'string' },
    value: { type: 'integer' },
    ok: { type: 'boolean' },
    tags: { type: 'array', items: { type: 'string' } }
  }
}
const joined = { type: 'object', required: ['a', 'b', 'c'], properties: { a: service, b: service, c: service } }
const delay = { type: 'object', properties: { delay_ms: { type: 'integer' } } }

const app = fastify()

// 422 for whatever does not fit, as the other programs answer; Fastify's own choice is 400.
app.setErrorHandler((error, request, reply) => {
  const status = error.validation || error.statusCode === 400 ? 422 : error.statusCode ?? 500
  reply.code(status).send({ detail: error.message })
})

app.get('/items/:item_id', { schema: { params: item, response: { 200: item } } },
  async (request) => ({ item_id: request.params.item_id }))

app.post('/items', { schema: { body: newItem, response: { 200: newItem } } },
  async (request) => request.body)

async function ask (pool, delayMs) {
  const { body } = await pool.request({ method: 'GET', path: `/d${delayMs}` })
  return body.json()
}

app.get('/fan/:delay_ms', { schema: { params: delay, response: { 200: joined } } }, async (request) => {
  const [a, b, c] = await Promise.all(pools.map((pool) => ask(pool, request.params.delay_ms)))
  return { a, b, c }
})

app.listen({ host: '127.0.0.1', port: Number(port) }).catch((error) => {
  console.error(error)
  process.exit(1)
})
