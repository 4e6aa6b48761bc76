// A client for each test, whose workspace is its own; and what several files do with one.

import { Honcho } from '@honcho-ai/sdk'

let count = 0

/** A client of a workspace that is not there yet. */
export function connect(options = {}) {
  const workspaceId = `typescript-${process.pid}-${++count}`
  return new Honcho({ baseURL: process.env.OMOIDE_URL, workspaceId, ...options })
}

/** A client of a workspace in which nothing is concluded or summarised, so that what is known is what a test says. */
export async function connectQuietly() {
  const honcho = connect()
  await honcho.setConfiguration({ reasoning: { enabled: false }, summary: { enabled: false } })
  return honcho
}

/** One property of everything on this page and on those that follow. */
export async function each(page, property = 'id') {
  return (await page.toArray()).map((item) => item[property])
}

/** Resolves once the condition does to true: for what the server does by itself. */
export async function until(condition) {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10))
}

/** Resolves once nothing in the workspace waits to be reasoned about. */
export async function settle(honcho) {
  await until(async () => {
    const { pendingWorkUnits, inProgressWorkUnits } = await honcho.queueStatus()
    return pendingWorkUnits + inProgressWorkUnits === 0
  })
}
