// The benchmark's rows of PostgreSQL on Fastify, with pg's pool as it is by default (10 connections).
// Usage: node pg.js PORT DSN
'use strict'
const fastify = require('fastify')
const { Pool } = require('pg')

const KEYS = 10000
const MANY = 20
const [port, dsn] = process.argv.slice(2)
const pool = new Pool({ connectionString: dsn })
const row = { type: 'object', required: ['id', 'number'], properties: { id: { type: 'integer' }, number: { type: 'integer' } } }

const app = fastify()

// With a name it is prepared once on each connection.
async function find () {
  const key = 1 + Math.floor(Math.random() * KEYS)
  const { rows } = await pool.query({ name: 'find', text: 'SELECT id, number FROM world WHERE id = $1', values: [key] })
  return rows[0]
}

app.get('/row', { schema: { response: { 200: row } } }, find)

app.get('/rows', { schema: { response: { 200: { type: 'array', items: row } } } },
  async () => Promise.all(Array.from({ length: MANY }, find)))

app.listen({ host: '127.0.0.1', port: Number(port) }).catch((error) => {
  console.error(error)
  process.exit(1)
})
