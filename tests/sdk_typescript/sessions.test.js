// Sessions: made on first use, listed, configured, joined and left, cloned, deleted.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { BadRequestError, NotFoundError } from '@honcho-ai/sdk'

import { connect, each } from './place.js'

const ids = (peers) => peers.map((peer) => peer.id)

test('a session is made with everything in one call', async () => {
  const honcho = connect()
  const session = await honcho.session('first', {
    metadata: { channel: 'web' },
    configuration: { summary: { enabled: false } },
    peers: ['alice', ['bob', { observeMe: false, observeOthers: true }]],
    scopes: ['work'],
  })
  assert.deepEqual([session.id, session.isActive, session.metadata], ['first', true, { channel: 'web' }])
  assert.equal(session.configuration.summary.enabled, false)
  assert.deepEqual(ids(await session.peers()), ['alice', 'bob'])
  assert.deepEqual(await session.getPeerConfiguration('bob'), { observeMe: false, observeOthers: true })
  assert.deepEqual(await each(await (await honcho.getScope('work')).sessions()), ['first'])
})

test('metadata is replaced and configuration is merged', async () => {
  const session = await connect().session('first', { metadata: { a: 1 }, configuration: { dream: { enabled: false } } })
  await session.setMetadata({ b: 2 })
  await session.setConfiguration({ reasoning: { enabled: false } })
  assert.deepEqual(await session.getMetadata(), { b: 2 })
  const configuration = await session.getConfiguration()
  assert.deepEqual([configuration.dream.enabled, configuration.reasoning.enabled], [false, false])
  await session.refresh()
  assert.deepEqual(session.metadata, { b: 2 })
})

test('sessions are listed with filters, pages and in both directions', async () => {
  const honcho = connect()
  for (const id of ['a', 'b', 'c']) await honcho.session(id, { metadata: { first: id === 'a' } })
  assert.deepEqual(await each(await honcho.sessions()), ['a', 'b', 'c'])
  assert.deepEqual(await each(await honcho.sessions({ reverse: true, size: 2 })), ['c', 'b', 'a'])
  assert.deepEqual(await each(await honcho.sessions({ metadata: { first: true } })), ['a'])
  assert.deepEqual(await each(await honcho.sessions({ filters: { id: { in: ['b', 'c'] } } })), ['b', 'c'])
})

test('peers join, change, leave and are replaced', async () => {
  const honcho = connect()
  const session = await honcho.session('first')
  const carol = await honcho.peer('carol')
  await session.addPeers('alice')
  await session.addPeers(['bob', [carol, { observeOthers: true }]])
  assert.deepEqual(ids(await session.peers()).sort(), ['alice', 'bob', 'carol'])
  await session.setPeerConfiguration(carol, { observeMe: false })
  assert.deepEqual(await session.getPeerConfiguration(carol), { observeMe: false, observeOthers: true })
  await session.removePeers(['alice', carol])
  assert.deepEqual(ids(await session.peers()), ['bob'])
  await session.setPeers([carol, 'dave'])
  assert.deepEqual(ids(await session.peers()).sort(), ['carol', 'dave'])
  await assert.rejects(session.getPeerConfiguration('nobody'), NotFoundError)
})

test('observers are limited', async () => {
  const many = Array.from({ length: 11 }, (_, n) => [`peer-${n}`, { observeOthers: true }])
  const honcho = connect()
  await assert.rejects(honcho.session('first', { peers: many }), BadRequestError)
  assert.deepEqual(await each(await honcho.sessions()), [])
})

test('a clone has the messages up to where it was cut', async () => {
  const honcho = connect()
  const alice = await honcho.peer('alice')
  const session = await honcho.session('first', { metadata: { a: 1 } })
  const [, second] = await session.addMessages(['one', 'two', 'three'].map((content) => alice.message(content)))
  const whole = await session.clone()
  const part = await session.clone(second.id)
  assert.deepEqual(await each(await whole.messages(), 'content'), ['one', 'two', 'three'])
  assert.deepEqual(await each(await part.messages(), 'content'), ['one', 'two'])
  assert.deepEqual(await part.getMetadata(), { a: 1 })
  assert.deepEqual(ids(await part.peers()), ['alice'])
  await assert.rejects(session.clone('nothing'), NotFoundError)
})

test('a deleted session is gone and its id is free', async () => {
  const honcho = connect()
  const alice = await honcho.peer('alice')
  const session = await honcho.session('first')
  await session.addMessages(alice.message('hello'))
  await session.delete()
  assert.deepEqual(await each(await honcho.sessions()), [])
  await assert.rejects(session.delete(), NotFoundError)
  const again = await honcho.session('first')
  assert.deepEqual(await each(await again.messages()), [])
})
