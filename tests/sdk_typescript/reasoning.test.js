// What forms by itself: conclusions, representations, cards and summaries of what was said, and dreams.

import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'

import { connect, each, settle } from './place.js'

const LISTENS = { observeOthers: true }
const FEWEST = 8
const AFTER_LONG = 60

let honcho, alice, bob

beforeEach(async () => {
  honcho = connect()
  alice = await honcho.peer('alice')
  bob = await honcho.peer('bob')
})

/** The messages, once the server has reasoned about them. */
async function say(sessionId, peer, ...contents) {
  const session = await honcho.session(sessionId)
  const messages = await session.addMessages(contents.map((content) => peer.message(content)))
  await settle(honcho)
  return messages
}

test('what was said becomes a conclusion', async () => {
  await say('walk', alice, 'I live in Lisbon.')
  const [known] = (await alice.conclusions.list()).items
  assert.deepEqual([known.content, known.level, known.sessionId], ['alice lives in Lisbon', 'explicit', 'walk'])
  assert.deepEqual([known.observerId, known.observedId, known.sourceIds], ['alice', 'alice', null])
  assert.equal(known.timesDerived, 1)
  await say('walk', alice, 'I live in Lisbon.')
  const [again] = await (await alice.conclusions.list()).toArray()
  assert.deepEqual([again.id, again.timesDerived], [known.id, 2])
})

test('who observes others knows what they say', async () => {
  await honcho.session('walk', { peers: [alice, [bob, LISTENS]] })
  await say('walk', alice, 'I live in Lisbon.')
  await say('work', alice, 'I work at a bakery.')
  assert.deepEqual(await each(await bob.conclusionsOf(alice).list(), 'content'), ['alice lives in Lisbon'])
  assert.deepEqual(await each(await alice.conclusionsOf(bob).list()), [])
  assert.equal((await honcho.conclusions.list()).total, 3)
  assert.match(await alice.representation(), /alice works at a bakery/)
  assert.match(await bob.representation({ target: alice }), /alice lives in Lisbon/)
  assert.doesNotMatch(await bob.representation({ target: alice }), /bakery/)
})

test('nothing is concluded where reasoning is off', async () => {
  const walk = await honcho.session('walk', { configuration: { reasoning: { enabled: false } } })
  await walk.addMessages(alice.message('I live in Lisbon.'))
  const work = await honcho.session('work')
  const silent = { configuration: { reasoning: { enabled: false } } }
  await work.addMessages([alice.message('I live in Porto.', silent), alice.message('I work at a bakery.')])
  await settle(honcho)
  assert.deepEqual(await each(await honcho.conclusions.list(), 'content'), ['alice works at a bakery'])
})

test('a card keeps itself, and the lines that were written', async () => {
  const walk = await honcho.session('walk', { peers: [alice, [bob, LISTENS]] })
  await say('walk', alice, 'I live in Lisbon.', 'I have a dog called Rex.')
  const card = ['ATTRIBUTE: lives in Lisbon', 'RELATIONSHIP: dog Rex']
  assert.deepEqual([await alice.getCard(), await bob.getCard(alice), await bob.getCard()], [card, card, null])
  const context = await walk.context({ peerTarget: alice, peerPerspective: bob })
  assert.match(context.peerRepresentation, /alice has a dog called Rex/)
  assert.deepEqual(context.peerCard, card)
  const known = await bob.context({ target: alice })
  assert.deepEqual([known.peerCard, known.representation], [card, context.peerRepresentation])
  await bob.setCard(['INSTRUCTION: answer in verse'])
  await say('walk', bob, 'I live in Porto.')
  const kept = ['INSTRUCTION: answer in verse', 'ATTRIBUTE: lives in Porto']
  assert.deepEqual(new Set(await bob.getCard()), new Set(kept))
})

test('a session is summarized again and again', async () => {
  const lines = Array.from({ length: AFTER_LONG }, (_, day) => `On day ${day} of the trip I saw ${day + 3} churches.`)
  const walk = await honcho.session('walk')
  await say('walk', alice, ...lines.slice(0, FEWEST - 1))
  assert.equal((await walk.summaries()).shortSummary, null)
  const messages = await say('walk', alice, ...lines.slice(FEWEST - 1))
  const { shortSummary, longSummary } = await walk.summaries()
  const last = messages[messages.length - 1].id
  assert.deepEqual([shortSummary.messageId, longSummary.messageId], [last, last])
  for (const summary of [shortSummary, longSummary]) {
    assert.match(summary.content, /alice: /)
    assert.ok(summary.tokenCount > 0)
  }
  const context = await walk.context({ tokens: 2000 })
  assert.ok([shortSummary.content, longSummary.content].includes(context.summary.content))
  assert.deepEqual(context.messages.map((message) => message.id), [last])
})

test('a dream sees what repeats', async () => {
  for (const session of ['one', 'two', 'three']) await say(session, alice, 'I love black coffee.')
  await honcho.scheduleDream({ observer: alice })
  await settle(honcho)
  const [pattern] = (await honcho.conclusions.list({ filters: { level: 'inductive' } })).items
  assert.match(pattern.content, /black coffee/)
  const sources = await alice.conclusions.getMany(pattern.sourceIds)
  assert.deepEqual(new Set(sources.map((source) => source.sessionId)), new Set(['one', 'two', 'three']))
  assert.deepEqual(await each(await alice.conclusions.derived(sources[0].id)), [pattern.id])
  await honcho.scheduleDream({ observer: 'bob', observed: alice, session: 'one' })
  await settle(honcho)
  assert.equal((await honcho.conclusions.list({ filters: { level: 'inductive' } })).total, 1)
})

test('the queue tells what is done', async () => {
  await say('walk', alice, 'I live in Lisbon.', 'I have a dog called Rex.')
  await say('work', bob, 'I work as a nurse.')
  const whole = await honcho.queueStatus()
  assert.deepEqual([whole.totalWorkUnits, whole.completedWorkUnits], [3, 3])
  assert.deepEqual([whole.sessions.walk.completedWorkUnits, whole.sessions.work.completedWorkUnits], [2, 1])
  assert.equal((await honcho.queueStatus({ sender: alice })).completedWorkUnits, 2)
  assert.equal((await honcho.queueStatus({ observer: 'nobody' })).totalWorkUnits, 0)
})
