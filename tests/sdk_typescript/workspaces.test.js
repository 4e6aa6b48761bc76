// Workspaces: made on first use, listed, configured, deleted.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { ConflictError, HonchoError, UnprocessableEntityError } from '@honcho-ai/sdk'

import { connect, each } from './place.js'

test('the first call makes the workspace', async () => {
  const honcho = connect()
  assert.deepEqual(await honcho.getMetadata(), {})
  assert.deepEqual(await each(await honcho.workspaces({ filters: { id: honcho.workspaceId } }), 'toString'), [
    String.prototype.toString,
  ])
})

test('metadata is replaced', async () => {
  const honcho = connect()
  await honcho.setMetadata({ team: 'red', nested: { list: [1, null, 'é'] } })
  await honcho.setMetadata({ size: 5 })
  assert.deepEqual(await honcho.getMetadata(), { size: 5 })
  assert.deepEqual(honcho.metadata, { size: 5 })
})

test('configuration keeps what a change does not name', async () => {
  const honcho = connect()
  await honcho.setConfiguration({
    reasoning: { enabled: false, customInstructions: 'in Portuguese' },
    summary: { messagesPerShortSummary: 10, messagesPerLongSummary: 30 },
  })
  await honcho.setConfiguration({ dream: { enabled: false }, peerCard: { use: true, create: false } })
  const configuration = await honcho.getConfiguration()
  assert.equal(configuration.reasoning.enabled, false)
  assert.equal(configuration.reasoning.customInstructions, 'in Portuguese')
  assert.equal(configuration.summary.messagesPerLongSummary, 30)
  assert.equal(configuration.dream.enabled, false)
  assert.deepEqual(configuration.peerCard, { use: true, create: false })
})

test('refresh reads what another client wrote', async () => {
  const honcho = connect()
  const other = connect({ workspaceId: honcho.workspaceId })
  await honcho.setMetadata({ n: 1 })
  await other.setMetadata({ n: 2 })
  assert.deepEqual(honcho.metadata, { n: 1 })
  await honcho.refresh()
  assert.deepEqual(honcho.metadata, { n: 2 })
})

test('workspaces are listed with filters, pages and in both directions', async () => {
  const mark = `${process.pid}-${Date.now()}`
  const ids = []
  for (let n = 0; n < 3; n++) {
    const honcho = connect()
    await honcho.setMetadata({ mark, n })
    ids.push(honcho.workspaceId)
  }
  const honcho = connect()
  const filters = { metadata: { mark } }
  assert.deepEqual(await (await honcho.workspaces(filters)).toArray(), ids)
  const page = await honcho.workspaces({ filters, size: 2, reverse: true })
  assert.deepEqual([page.total, page.pages, page.page, page.size, page.hasNextPage], [3, 2, 1, 2, true])
  assert.deepEqual(page.items, [ids[2], ids[1]])
  assert.deepEqual((await page.getNextPage()).items, [ids[0]])
  assert.deepEqual(await page.toArray(), [...ids].reverse())
})

test('a workspace goes once its sessions are gone', async () => {
  const honcho = connect()
  const session = await honcho.session('first')
  await assert.rejects(honcho.deleteWorkspace(honcho.workspaceId), ConflictError)
  await session.delete()
  await honcho.deleteWorkspace(honcho.workspaceId)
  assert.equal((await honcho.workspaces({ id: honcho.workspaceId })).total, 0)
})

test('a bad filter is an unprocessable entity with a sentence', async () => {
  const honcho = connect()
  await assert.rejects(honcho.peers({ nope: 1 }), (error) => {
    assert.ok(error instanceof UnprocessableEntityError && error instanceof HonchoError)
    assert.equal(error.status, 422)
    assert.match(error.message, /Column 'nope' .* Peer/)
    return true
  })
})
