// No method of the SDK that talks to the server is without a test.

import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { test } from 'node:test'

import { ConclusionsView, Honcho, Page, Peer, Scope, Session, WorkspaceConclusions } from '@honcho-ai/sdk'

// Local: no call is made.
const LOCAL = ['constructor', 'toString', 'conclusionsOf', 'get']

const here = new URL('.', import.meta.url)
const own = new URL(import.meta.url).pathname.split('/').pop()
const files = readdirSync(here).filter((name) => name.endsWith('.js') && name !== own)
const written = files.map((name) => readFileSync(new URL(name, here), 'utf8')).join('\n')

function methods(type) {
  const described = Object.entries(Object.getOwnPropertyDescriptors(type.prototype))
  const called = described.filter(([name, { value }]) => typeof value === 'function' && !name.startsWith('_'))
  return called.map(([name]) => name)
}

for (const type of [Honcho, Peer, ConclusionsView, WorkspaceConclusions, Session, Scope, Page]) {
  test(`every method of ${type.name} is called`, () => {
    const wanted = methods(type).filter((name) => !LOCAL.includes(name))
    assert.deepEqual(wanted.filter((name) => !written.includes(`.${name}(`)), [])
  })
}
