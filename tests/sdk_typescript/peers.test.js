// Peers: made on first use, listed, configured; their cards and their sessions.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { connect, each } from './place.js'

test('a peer is made once and then found', async () => {
  const honcho = connect()
  const made = await honcho.peer('alice', { metadata: { colour: 'green' }, configuration: { observeMe: false } })
  assert.deepEqual([made.id, made.workspaceId], ['alice', honcho.workspaceId])
  assert.deepEqual([made.metadata, made.configuration], [{ colour: 'green' }, { observeMe: false }])
  const found = await honcho.peer('alice')
  assert.equal(found.createdAt, made.createdAt)
  assert.deepEqual([found.metadata, found.configuration], [{ colour: 'green' }, { observeMe: false }])
})

test('metadata and configuration of a peer are replaced', async () => {
  const alice = await connect().peer('alice', { metadata: { a: 1 } })
  await alice.setMetadata({ b: 2 })
  assert.deepEqual(await alice.getMetadata(), { b: 2 })
  await alice.setConfiguration({ observeMe: false })
  assert.deepEqual(await alice.getConfiguration(), { observeMe: false })
  await alice.setConfiguration({})
  assert.equal((await alice.getConfiguration()).observeMe, undefined)
  await alice.refresh()
  assert.deepEqual(alice.metadata, { b: 2 })
})

test('peers are listed with filters, pages and in both directions', async () => {
  const honcho = connect()
  for (const id of ['a', 'b', 'c']) await honcho.peer(id, { metadata: { vowel: id === 'a' } })
  assert.deepEqual(await each(await honcho.peers()), ['a', 'b', 'c'])
  assert.deepEqual(await each(await honcho.peers({ size: 1, reverse: true })), ['c', 'b', 'a'])
  assert.deepEqual(await each(await honcho.peers({ metadata: { vowel: true } })), ['a'])
  assert.deepEqual(await each(await honcho.peers({ filters: { NOT: [{ id: 'b' }] }, page: 2, size: 1 })), ['c'])
})

test('a peer knows the sessions it is in', async () => {
  const honcho = connect()
  const alice = await honcho.peer('alice')
  await honcho.session('one', { peers: ['alice'], metadata: { n: 1 } })
  const left = await honcho.session('two', { peers: [alice, 'bob'] })
  assert.deepEqual(await each(await alice.sessions()), ['one', 'two'])
  assert.deepEqual(await each(await alice.sessions({ filters: { metadata: { n: 1 } } })), ['one'])
  await left.removePeers(alice)
  assert.deepEqual(await each(await alice.sessions()), ['one'])
  assert.deepEqual(await each(await alice.sessions({ is_active: true })), ['one', 'two'])
})

test('a card is what was written, for each target its own', async () => {
  const honcho = connect()
  const [alice, bob] = [await honcho.peer('alice'), await honcho.peer('bob')]
  assert.equal(await alice.getCard(), null)
  assert.deepEqual(await alice.setCard(['ATTRIBUTE: tall', 'IDENTITY: Alice']), ['ATTRIBUTE: tall', 'IDENTITY: Alice'])
  assert.deepEqual(await alice.setCard(['RELATIONSHIP: friend'], bob), ['RELATIONSHIP: friend'])
  assert.deepEqual(await alice.getCard(), ['ATTRIBUTE: tall', 'IDENTITY: Alice'])
  assert.deepEqual(await alice.getCard(bob), ['RELATIONSHIP: friend'])
  assert.deepEqual(await alice.card('bob'), ['RELATIONSHIP: friend'])
  assert.equal(await bob.getCard(), null)
  assert.deepEqual(await alice.setCard([]), [])
})
