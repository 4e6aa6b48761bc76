// Questions: asked of a peer and of the whole workspace, with every option, whole and streamed.

import assert from 'node:assert/strict'
import { before, test } from 'node:test'

import { NotFoundError, UnprocessableEntityError } from '@honcho-ai/sdk'
import { z } from 'zod'

import { connect, settle } from './place.js'

const LIVES = 'Where does Alice live?'
const WORKS = 'Where does Alice work?'
const UNSAID = "What is Alice's favourite opera?"
const LEVELS = ['minimal', 'low', 'medium', 'high', 'max']
const PERSON = z.object({ city: z.string().nullable(), favouriteOpera: z.string().nullable() })
const SCHEMA = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }

let honcho, alice, bob, walk, home

// alice and bob talk in `walk`, where he listens to her, and she talks to herself in `work`.
before(async () => {
  honcho = connect()
  alice = await honcho.peer('alice')
  bob = await honcho.peer('bob')
  home = await honcho.scope('home')
  walk = await honcho.session('walk', { peers: [alice, [bob, { observeOthers: true }]], scopes: [home] })
  const work = await honcho.session('work', { peers: [alice], scopes: ['office'] })
  await walk.addMessages([
    alice.message('I live in Lisbon.'),
    bob.message('I am a nurse.'),
    alice.message('I have a dog called Rex.'),
  ])
  await work.addMessages(alice.message('I work at a bakery.'))
  await settle(honcho)
})

/** The answer in text, which is the same whole and streamed. */
async function ask(of, query, options) {
  const whole = await of.chat(query, options)
  const stream = await of.chatStream(query, options)
  assert.equal((await stream.toArray()).join(''), whole)
  assert.equal(await stream.getFinalResponse(), whole)
  assert.equal(stream.evidence, null)
  return whole
}

test('a peer answers with what it said', async () => {
  assert.match(await ask(alice, LIVES), /Lisbon/)
  assert.match(await ask(alice, WORKS), /bakery/)
  assert.match(await ask(alice, UNSAID), /no information/)
})

test('a peer knows of another what it was told', async () => {
  assert.match(await ask(bob, LIVES, { target: alice }), /Lisbon/)
  assert.doesNotMatch(await ask(bob, WORKS, { target: 'alice' }), /bakery/)
})

test('sessions and scopes say what an answer is drawn from', async () => {
  assert.match(await ask(alice, WORKS, { session: walk }), /bakery/)
  assert.match(await ask(alice, LIVES, { sessions: [walk, 'nowhere'] }), /Lisbon/)
  assert.doesNotMatch(await ask(alice, WORKS, { sessions: ['walk'] }), /bakery/)
  assert.match(await ask(alice, LIVES, { scope: 'home' }), /Lisbon/)
  assert.doesNotMatch(await ask(alice, WORKS, { scope: home }), /bakery/)
  assert.match(await ask(alice, WORKS, { scope: [home, 'office'] }), /bakery/)
})

test('a workspace answers for whomever a question is about', async () => {
  assert.match(await ask(honcho, LIVES), /Lisbon/)
  assert.match(await ask(honcho, 'Who is a nurse?'), /bob/)
  assert.match(await ask(honcho, WORKS, { session: walk }), /bakery/)
  assert.doesNotMatch(await ask(honcho, WORKS, { scope: 'home' }), /bakery/)
  assert.match(await ask(honcho, WORKS, { scope: ['home', 'office'] }), /bakery/)
})

for (const reasoningLevel of LEVELS) {
  test(`an answer is given at the level ${reasoningLevel}`, async () => {
    assert.match(await ask(alice, LIVES, { reasoningLevel }), /Lisbon/)
    assert.match(await ask(honcho, LIVES, { reasoningLevel }), /Lisbon/)
  })
}

test('a schema makes the answer JSON', async () => {
  for (const of of [alice, honcho]) {
    assert.deepEqual(JSON.parse(await ask(of, LIVES, { responseFormat: SCHEMA })), { city: 'Lisbon' })
  }
})

test('a zod schema is filled with what is known and with nothing else', async () => {
  const known = { city: 'Lisbon', favouriteOpera: null }
  assert.deepEqual(await alice.chat(LIVES, { responseFormat: PERSON }), known)
  const answer = await alice.chat(LIVES, { responseFormat: PERSON, includeEvidence: true })
  assert.deepEqual(answer.content, known)
  assert.ok(answer.evidence.conclusions.length > 0)
  const stream = await alice.chatStream(LIVES, { responseFormat: PERSON })
  assert.deepEqual(PERSON.parse(JSON.parse(await stream.getFinalResponse())), known)
})

test('an optional field that nothing is known about is left out', async () => {
  const shape = z.object({ city: z.string(), opera: z.string().optional(), shoeSize: z.number().int().optional() })
  assert.deepEqual(await alice.chat(LIVES, { responseFormat: shape }), { city: 'Lisbon' })
})

test('evidence is what was read', async () => {
  for (const of of [alice, honcho]) {
    const { content, evidence } = await of.chat(LIVES, { includeEvidence: true })
    assert.equal(content, await of.chat(LIVES))
    const mine = evidence.conclusions.filter((read) => read.observer_id === 'alice')
    const [lives] = mine.filter((read) => read.content.includes('Lisbon'))
    assert.deepEqual([lives.level, lives.session_id, lives.observed_id], ['explicit', 'walk', 'alice'])
    assert.deepEqual(new Set(evidence.messages.map((read) => read.session_id)), new Set(['walk', 'work']))
    assert.ok(evidence.tool_calls.some((tool) => tool.tool_name === 'search_memory'))
    const stream = await of.chatStream(LIVES, { includeEvidence: true })
    assert.equal(await stream.getFinalResponse(), content)
    assert.deepEqual(stream.evidence, evidence)
  }
})

test('an answer comes in pieces', async () => {
  const pieces = []
  for await (const piece of await alice.chatStream('What do you know about Alice?')) pieces.push(piece)
  assert.ok(pieces.length > 1)
})

test('what is not there or cannot be is refused, streamed or not', async () => {
  for (const options of [{ target: 'nobody' }, { session: 'nowhere' }, { scope: 'none' }]) {
    await assert.rejects(alice.chat(LIVES, options), NotFoundError)
    await assert.rejects(alice.chatStream(LIVES, options), NotFoundError)
  }
  const refused = { name: UnprocessableEntityError.name, message: /Invalid response_format: / }
  await assert.rejects(alice.chat(LIVES, { responseFormat: { type: 'array' } }), refused)
  await assert.rejects(honcho.chatStream(LIVES, { responseFormat: { type: 'array' } }), refused)
})
