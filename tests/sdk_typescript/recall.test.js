// What is read back: search, context, summaries, and how far the server is.

import assert from 'node:assert/strict'
import { before, test } from 'node:test'

import { connectQuietly } from './place.js'

let honcho, alice, bob, walk, work
const contents = (messages) => messages.map((message) => message.content)

before(async () => {
  honcho = await connectQuietly()
  alice = await honcho.peer('alice')
  bob = await honcho.peer('bob')
  walk = await honcho.session('walk')
  work = await honcho.session('work')
  await walk.addMessages([
    alice.message('I walk the dog every morning', { metadata: { n: 1 } }),
    bob.message('My dog is called Rex', { metadata: { n: 2 } }),
  ])
  await work.addMessages([alice.message('The dog ate the quarterly report'), bob.message('Then write it again')])
})

test('a search looks where it is told to', async () => {
  const everywhere = await honcho.search('dog', { limit: 3 })
  assert.ok(contents(everywhere).every((content) => content.includes('dog')))
  assert.deepEqual(new Set(everywhere.map((message) => message.sessionId)), new Set(['walk', 'work']))
  assert.ok((await alice.search('dog')).every((message) => message.peerId === 'alice'))
  assert.deepEqual(contents(await work.search('dog')).slice(0, 1), ['The dog ate the quarterly report'])
  assert.ok((await work.search('dog')).every((message) => message.sessionId === 'work'))
})

test('a search is filtered and limited', async () => {
  const [first] = await honcho.search('dog', { filters: { peer_id: 'bob' } })
  assert.equal(first.content, 'My dog is called Rex')
  const marked = await walk.search('dog', { filters: { metadata: { n: 1 } } })
  assert.deepEqual(contents(marked), ['I walk the dog every morning'])
  assert.equal((await honcho.search('dog', { limit: 1 })).length, 1)
  assert.deepEqual(await alice.search('dog', { filters: { created_at: { lt: '2001-01-01' } }, limit: 5 }), [])
})

test('a context is the newest messages that fit', async () => {
  const whole = await walk.context()
  assert.deepEqual(contents(whole.messages), ['I walk the dog every morning', 'My dog is called Rex'])
  assert.deepEqual([whole.summary, whole.peerRepresentation, whole.peerCard], [null, null, null])
  assert.deepEqual(contents((await walk.context({ summary: false, tokens: 6 })).messages), ['My dog is called Rex'])
  assert.deepEqual(whole.toOpenAI('bob').map((message) => message.role), ['user', 'assistant'])
  assert.equal(whole.toAnthropic(alice).length, 2)
  assert.equal(whole.length, 2)
})

test('a context tells what one peer knows of another', async () => {
  await alice.conclusionsOf(bob).create({ content: 'bob has a dog', sessionId: walk })
  await alice.conclusionsOf(bob).create({ content: 'bob reports to carol' })
  await alice.setCard(['ATTRIBUTE: has a dog'], bob)
  const context = await walk.context({
    peerTarget: bob,
    peerPerspective: alice,
    representationOptions: { searchQuery: 'dog', searchTopK: 1, maxConclusions: 5 },
  })
  assert.match(context.peerRepresentation, /bob has a dog/)
  assert.deepEqual(context.peerCard, ['ATTRIBUTE: has a dog'])
  const limited = await walk.context({ peerTarget: 'bob', peerPerspective: 'alice', limitToSession: true })
  assert.match(limited.peerRepresentation, /bob has a dog/)
  assert.doesNotMatch(limited.peerRepresentation, /carol/)
  const listed = await walk.context({ peerTarget: 'bob', peerPerspective: 'alice', sessions: [walk, 'work'] })
  assert.doesNotMatch(listed.peerRepresentation, /carol/)
  const known = await alice.context({ target: bob, maxConclusions: 5, includeMostFrequent: true })
  assert.deepEqual([known.peerId, known.targetId, known.peerCard], ['alice', 'bob', ['ATTRIBUTE: has a dog']])
  assert.match(known.representation, /bob reports to carol/)
  const options = { searchQuery: 'dog', searchTopK: 1, searchMaxDistance: 0.99, maxConclusions: 1 }
  const found = await alice.context({ target: bob, ...options })
  assert.match(found.representation, /bob has a dog/)
})

test('a short session has no summaries', async () => {
  const summaries = await walk.summaries()
  assert.deepEqual([summaries.id, summaries.shortSummary, summaries.longSummary], ['walk', null, null])
})

test('the queue says how much is left to do', async () => {
  const counters = ['totalWorkUnits', 'completedWorkUnits', 'inProgressWorkUnits', 'pendingWorkUnits']
  const options = [undefined, { session: walk }, { observer: alice, sender: 'bob' }]
  const statuses = await Promise.all(options.map((option) => honcho.queueStatus(option)))
  statuses.push(await walk.queueStatus({ sender: bob }))
  for (const status of statuses) {
    for (const counter of counters) assert.ok(Number.isInteger(status[counter]), counter)
    assert.equal(status.pendingWorkUnits + status.inProgressWorkUnits, 0)
  }
})
