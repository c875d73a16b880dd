import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import type { Page } from 'playwright-core'
import { sqliteUrl, startCollector } from '../collector/start-collector.js'
import { useChromium } from './chromium.js'
import { openTelemetry, type VisitOptions } from './visit.js'

const FORGET = 'Delete what was sent, and take a new id'
const HELD = 'Ask the receiver what it holds'

describe('the Telemetry page with only the keyboard', () => {
  const chromium = useChromium()

  const open = (t: TestContext, options: VisitOptions) => openTelemetry(t, chromium.browser, options)

  test('is fully usable, and the focus stays in place', async (t) => {
    const collector = await startCollector(t, await sqliteUrl(t))
    const { app, page } = await open(t, { telemetry: { url: collector.url }, expectErrors: true })
    const { instanceId } = JSON.parse(await app.telemetry.preview()) as { instanceId: string }

    for (const heading of ['Telemetry is off', 'Telemetry is on']) {
      await tabTo(page, 'Share anonymous usage telemetry')
      await pressAndWait(page, 'Space')
      await page.getByRole('heading', { name: heading, exact: true }).waitFor()
      assert.equal(await focused(page), 'Share anonymous usage telemetry')
    }

    for (const summary of ['What each property means', 'The exact bytes, and what travels with them']) {
      await tabTo(page, summary)
      await page.keyboard.press('Enter')
      assert.deepEqual([await focused(page), await isOpen(page)], [summary, true])
    }
    await tabTo(page, 'Copy')
    await page.keyboard.press('Enter')
    await page.getByText(/^(Copied|Selected)/).waitFor()
    assert.equal(await focused(page), 'Copy')

    await tabTo(page, 'Send a ping now')
    await pressAndWait(page, 'Enter')
    await page.locator('#sent').getByText('delivered').waitFor()
    assert.equal(await focused(page), 'Send a ping now')

    await tabTo(page, 'Download the log')
    const [download] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('Enter')])
    assert.equal(download.suggestedFilename(), 'telemetry-log.json')
    assert.equal(await focused(page), 'Download the log')

    await page.keyboard.press('Tab')
    await pressAndWait(page, 'Enter')
    await page.getByRole('heading', { name: /^Manual ping of / }).waitFor()
    await tabTo(page, 'Telemetry')
    await pressAndWait(page, 'Enter')
    await page.getByRole('heading', { name: 'What was sent' }).waitFor()
    // Going back returns to the log, and the tab key continues from there.
    await page.keyboard.press('Tab')
    assert.equal(await focused(page), 'Download the log')

    await tabTo(page, HELD)
    await pressAndWait(page, 'Enter')
    await page.getByText('"pingsKept": 1').waitFor()
    assert.equal(await focused(page), HELD)

    await tabTo(page, 'Delete it; this cannot be undone')
    await page.keyboard.press('Space')
    await tabTo(page, FORGET)
    await pressAndWait(page, 'Enter')
    await page.getByText('says that it has deleted 1 ping').waitFor()
    assert.equal(await focused(page), FORGET)
    assert.equal((await collector.rows()).length, 0)

    await tabTo(page, 'Take a new id')
    await pressAndWait(page, 'Enter')
    await page.getByText('This installation has a new id.').waitFor()
    assert.equal(await focused(page), 'Take a new id')
    assert.notEqual((JSON.parse(await app.telemetry.preview()) as { instanceId: string }).instanceId, instanceId)
  })

  test('keeps the focus in place after a refusal', async (t) => {
    const { app, page } = await open(t, { telemetry: { url: 'http://127.0.0.1:9' }, expectErrors: true })
    await tabTo(page, HELD)
    await pressAndWait(page, 'Enter')
    await page.getByText('refused the connection').waitFor()
    assert.equal(await focused(page), HELD)
    // The required checkbox is not ticked, so the browser asks for it.
    await tabTo(page, FORGET)
    await page.keyboard.press('Enter')
    assert.equal(await focused(page), 'Delete it; this cannot be undone')
    await app.db.sequelize.query('ALTER TABLE Projects RENAME TO Away')
    await tabTo(page, 'Send a ping now')
    await pressAndWait(page, 'Enter')
    await page.getByText('No ping was sent.').waitFor()
    assert.equal(await focused(page), 'Send a ping now')
  })

  test('keeps the focus in the decision that the operator has locked', async (t) => {
    const { app, page } = await open(t, { telemetry: { url: 'http://127.0.0.1:9', enabled: false } })
    await app.decisions.decide({ enabled: true, way: 'API', who: 'ada' })
    await page.reload()
    await tabTo(page, 'Keep it off then, too')
    await pressAndWait(page, 'Enter')
    await page.getByText('stays off until an administrator turns it on').waitFor()
    assert.match(await focused(page), /^Telemetry is off: .*Nothing on this page can change that\./)
  })
})

/** Presses a key that makes the browser load a page, and waits for the page. */
async function pressAndWait (page: Page, key: string): Promise<void> {
  await Promise.all([page.waitForEvent('load'), page.keyboard.press(key)])
}

/** The text or label of the focused element. */
const focused = (page: Page): Promise<string> => page.evaluate(`(() => {
  const { activeElement } = document
  return (activeElement.type === 'checkbox' ? activeElement.labels[0] : activeElement).textContent.trim().replace(/\\s+/g, ' ')
})()`)

const isOpen = (page: Page) => page.evaluate('document.activeElement.parentElement.open')

/** Presses the tab key until the element with this name has the focus; wraps around after the last element. */
async function tabTo (page: Page, name: string): Promise<void> {
  for (let presses = 0; presses < 60; presses++) {
    await page.keyboard.press('Tab')
    if (await focused(page) === name) return
  }
  assert.fail(`the tab key does not reach "${name}"`)
}
