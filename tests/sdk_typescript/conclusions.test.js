// Conclusions: made, listed, asked for, removed, and what they look like together.

import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'

import { NotFoundError } from '@honcho-ai/sdk'

import { connectQuietly, each, until } from './place.js'

let honcho, alice, bob, session

beforeEach(async () => {
  honcho = await connectQuietly()
  alice = await honcho.peer('alice')
  bob = await honcho.peer('bob')
  session = await honcho.session('first', { peers: [alice, bob] })
})

test('conclusions come back as they were made', async () => {
  const view = alice.conclusionsOf(bob)
  const [tea, milk] = await view.create([
    { content: 'bob likes tea', sessionId: session },
    { content: 'bob likes milk' },
  ])
  assert.deepEqual([tea.content, tea.observerId, tea.observedId], ['bob likes tea', 'alice', 'bob'])
  assert.deepEqual([tea.sessionId, milk.sessionId], ['first', null])
  assert.deepEqual([tea.level, tea.sourceIds, tea.timesDerived], ['explicit', null, 1])
  assert.deepEqual(await view.get(tea.id), tea)
  assert.deepEqual(await honcho.conclusions.get(milk.id), milk)
  const [one] = await alice.conclusions.create({ content: 'alice is tall' })
  assert.deepEqual([one.observerId, one.observedId], ['alice', 'alice'])
})

test('a view lists its own pair, newest first', async () => {
  const view = alice.conclusionsOf('bob')
  await view.create({ content: 'first', sessionId: 'first' })
  await view.create({ content: 'second' })
  await bob.conclusionsOf(alice).create({ content: 'of alice' })
  assert.deepEqual(await each(await view.list(), 'content'), ['second', 'first'])
  assert.deepEqual(await each(await view.list({ reverse: true, size: 1 }), 'content'), ['first', 'second'])
  assert.deepEqual(await each(await view.list({ session }), 'content'), ['first'])
  assert.deepEqual(await each(await view.list({ filters: { content: { contains: 'SEC' } } }), 'content'), ['second'])
  assert.deepEqual(await each(await view.list({ filters: { level: 'inductive' } })), [])
  assert.deepEqual(await each(await honcho.conclusions.list(), 'content'), ['of alice', 'second', 'first'])
  const filters = { observer_id: 'bob' }
  assert.deepEqual(await each(await honcho.conclusions.list({ filters }), 'content'), ['of alice'])
})

test('many are fetched at once, and those that are not there are left out', async () => {
  const view = alice.conclusionsOf(bob)
  const made = await view.create(Array.from({ length: 100 }, (_, n) => ({ content: `fact ${n}` })))
  const [foreign] = await bob.conclusions.create({ content: 'elsewhere' })
  const wanted = [...made.map((conclusion) => conclusion.id), foreign.id, 'nothing']
  assert.equal((await view.getMany(wanted)).length, 100)
  assert.equal((await honcho.conclusions.getMany(wanted)).length, 101)
  assert.deepEqual(await view.getMany([]), [])
  assert.deepEqual(await each(await view.derived(made[0].id)), [])
})

test('a query finds the nearest of the pair', async () => {
  const view = alice.conclusionsOf(bob)
  await view.create([
    { content: 'bob drinks green tea every morning' },
    { content: 'bob works as a train driver' },
    { content: 'bob has two daughters' },
  ])
  const [nearest] = await view.query('which tea does he drink', 1)
  assert.equal(nearest.content, 'bob drinks green tea every morning')
  // Those that share no word with the query are found once they are embedded, which happens in the background.
  await until(async () => (await view.query('which tea does he drink', 3)).length === 3)
  assert.equal((await view.query('which tea does he drink', 3))[0].id, nearest.id)
  assert.deepEqual(await alice.conclusions.query('which tea does he drink'), [])
  const [kept] = await view.query('bob', 3, undefined, { content: { contains: 'train' } })
  assert.equal(kept.content, 'bob works as a train driver')
})

test('what was deleted is nowhere', async () => {
  const view = alice.conclusionsOf(bob)
  const [tea] = await view.create({ content: 'bob likes tea' })
  await view.delete(tea.id)
  await assert.rejects(view.get(tea.id), NotFoundError)
  await assert.rejects(view.delete(tea.id), NotFoundError)
  assert.deepEqual(await each(await view.list()), [])
  assert.deepEqual(await view.query('tea'), [])
})

test('a view belongs to its pair', async () => {
  const [tea] = await alice.conclusionsOf(bob).create({ content: 'bob likes tea' })
  await assert.rejects(bob.conclusions.get(tea.id), NotFoundError)
  await assert.rejects(honcho.conclusions.get('nothing'), NotFoundError)
})

test('a representation shows what is known, and of whom', async () => {
  const view = alice.conclusionsOf(bob)
  await view.create([{ content: 'bob likes tea', sessionId: session }, { content: 'bob is tall' }])
  const text = await view.representation()
  assert.match(text, /^## Explicit Observations\n\n\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] bob/)
  assert.match(text, /bob likes tea\n/)
  assert.equal(await alice.representation({ target: bob }), text)
  assert.equal(await alice.representation(), '')
  const inSession = await session.representation(alice, { target: bob })
  assert.ok(inSession.includes('bob likes tea') && !inSession.includes('bob is tall'))
  assert.equal(await alice.representation({ target: bob, sessions: ['first'] }), inSession)
  assert.equal(await alice.representation({ target: bob, session }), inSession)
  const one = await view.representation({ searchQuery: 'tea', searchTopK: 1, maxConclusions: 1 })
  assert.ok(one.includes('bob likes tea') && !one.includes('bob is tall'))
  const often = await alice.representation({ target: 'bob', includeMostFrequent: true, searchMaxDistance: 0.9 })
  assert.ok(often.includes('bob is tall'))
})
