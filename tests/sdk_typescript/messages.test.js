// Messages: added, read in order, filtered, marked, uploaded.

import assert from 'node:assert/strict'
import { before, test } from 'node:test'

import { NotFoundError, UnprocessableEntityError } from '@honcho-ai/sdk'

import { connectQuietly, each } from './place.js'

let honcho, alice, bob

before(async () => {
  honcho = await connectQuietly()
  alice = await honcho.peer('alice')
  bob = await honcho.peer('bob')
})

test('messages come back as they were said, in order', async () => {
  const session = await honcho.session('order')
  const said = await session.addMessages([
    alice.message('hello world', { metadata: { n: 1 } }),
    bob.message('Grüße 😀', {
      createdAt: '2024-01-15T10:30:00Z',
      configuration: { reasoning: { enabled: false } },
    }),
    alice.message('third', { createdAt: new Date('2024-01-15T10:31:00Z') }),
  ])
  assert.deepEqual(said.map((message) => message.content), ['hello world', 'Grüße 😀', 'third'])
  assert.deepEqual([said[0].peerId, said[0].sessionId, said[0].workspaceId], ['alice', 'order', honcho.workspaceId])
  assert.deepEqual([said[0].metadata, said[0].tokenCount], [{ n: 1 }, 2])
  assert.deepEqual([said[1].createdAt, said[2].createdAt], ['2024-01-15T10:30:00Z', '2024-01-15T10:31:00Z'])
  assert.deepEqual(await (await session.messages()).toArray(), said)
  assert.deepEqual(await session.getMessage(said[1].id), said[1])
})

test('one message needs no list, and too many are refused whole', async () => {
  const session = await honcho.session('sizes')
  await session.addMessages(alice.message('alone'))
  const many = Array.from({ length: 101 }, (_, n) => alice.message(`${n}`))
  await assert.rejects(session.addMessages(many), UnprocessableEntityError)
  await session.addMessages(many.slice(1))
  const page = await session.messages({ size: 100 })
  assert.deepEqual([page.total, page.pages, page.length], [101, 2, 100])
  assert.equal((await page.toArray()).length, 101)
})

test('messages are filtered, paged and turned round', async () => {
  const session = await honcho.session('filters')
  const batch = Array.from({ length: 6 }, (_, n) => (n % 2 ? bob : alice).message(`${n}`, { metadata: { n } }))
  await session.addMessages(batch)
  const read = async (options) => each(await session.messages(options), 'content')
  assert.deepEqual(await read({ peer_id: 'bob' }), ['1', '3', '5'])
  assert.deepEqual(await read({ filters: { metadata: { n: { gte: 4 } } } }), ['4', '5'])
  assert.deepEqual(await read({ filters: { peer_id: 'alice' }, reverse: true, size: 2 }), ['4', '2', '0'])
  assert.deepEqual(await read({ page: 2, size: 4 }), ['4', '5'])
})

test('metadata of a message is replaced, by the message or by its id', async () => {
  const session = await honcho.session('marks')
  const [message] = await session.addMessages(alice.message('hello', { metadata: { a: 1 } }))
  const marked = await session.updateMessage(message, { b: 2 })
  assert.deepEqual([marked.id, marked.content, marked.metadata], [message.id, 'hello', { b: 2 }])
  assert.deepEqual((await session.updateMessage(message.id, {})).metadata, {})
  await assert.rejects(session.getMessage('nothing'), NotFoundError)
})

test('a file becomes messages', async () => {
  const session = await honcho.session('files')
  const [notes] = await session.uploadFile(
    { filename: 'notes.txt', content: Buffer.from('Grüße'), content_type: 'text/plain' },
    alice,
    { metadata: { from: 'mail' }, configuration: { reasoning: { enabled: false } }, createdAt: '2024-01-15T10:30:00Z' },
  )
  assert.deepEqual([notes.content, notes.peerId, notes.metadata], ['Grüße', 'alice', { from: 'mail' }])
  assert.equal(notes.createdAt, '2024-01-15T10:30:00Z')
  const [json] = await session.uploadFile(new File(['{"b": 1}'], 'b.json', { type: 'application/json' }), 'bob')
  assert.deepEqual([json.content, json.peerId], ['{"b": 1}', 'bob'])
  const chunks = await session.uploadFile(new Blob(['word '.repeat(10_000)], { type: 'text/plain' }), alice)
  assert.equal(chunks.map((chunk) => chunk.content).join(''), 'word '.repeat(10_000))
  assert.deepEqual((await session.messages()).total, 2 + chunks.length)
})
