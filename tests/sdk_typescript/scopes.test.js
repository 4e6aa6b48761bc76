// Scopes: named groups of sessions.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { NotFoundError } from '@honcho-ai/sdk'

import { connect, connectQuietly, each, until } from './place.js'

test('a scope is made once, found, and listed', async () => {
  const honcho = connect()
  const made = await honcho.scope('work', { metadata: { kind: 'job' } })
  assert.deepEqual([made.id, made.workspaceId, made.metadata], ['work', honcho.workspaceId, { kind: 'job' }])
  assert.equal((await honcho.getScope('work')).createdAt, made.createdAt)
  await honcho.scope('home')
  assert.deepEqual(await each(await honcho.scopes()), ['work', 'home'])
  assert.deepEqual(await each(await honcho.scopes({ reverse: true, size: 1 })), ['home', 'work'])
  await assert.rejects(honcho.getScope('nothing'), NotFoundError)
  assert.deepEqual(await each(await honcho.peers()), [])
})

test('sessions join a scope and leave it', async () => {
  const honcho = connect()
  const scope = await honcho.scope('work')
  const [one, two] = [await honcho.session('one'), await honcho.session('two')]
  await scope.addSessions([one, 'two'])
  assert.deepEqual(await each(await scope.sessions()), ['one', 'two'])
  assert.deepEqual(await each(await scope.sessions({ reverse: true, size: 1 })), ['two', 'one'])
  await scope.removeSession(two)
  assert.deepEqual(await each(await scope.sessions()), ['one'])
  await assert.rejects(scope.addSessions(['one', 'nowhere']), NotFoundError)
})

test('what a session knew comes with it', async () => {
  const honcho = await connectQuietly()
  const alice = await honcho.peer('alice')
  const session = await honcho.session('one')
  await session.addMessages(alice.message('I like tea'))
  await alice.conclusions.create({ content: 'alice likes tea', sessionId: session })
  const scope = await honcho.scope('work')
  assert.deepEqual(await scope.status(), { backfillStatus: {} })
  await scope.addSessions([session])
  let job
  await until(async () => {
    job = (await scope.status()).backfillStatus.one
    return job.state !== 'pending'
  })
  assert.deepEqual([job.state, job.docsCopied], ['completed', 1])
  assert.ok(!Number.isNaN(Date.parse(job.updatedAt)))
  assert.match(await alice.representation({ scope }), /alice likes tea/)
  assert.match(await alice.representation({ scope: ['work'] }), /alice likes tea/)
  const [message] = await honcho.search('tea', { scope })
  assert.equal(message.content, 'I like tea')
  const context = await session.context({ peerTarget: alice, scope })
  assert.match(context.peerRepresentation, /alice likes tea/)
})
