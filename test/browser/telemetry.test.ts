import assert from 'node:assert/strict'
import { type } from 'node:os'
import { describe, test, type TestContext } from 'node:test'
import type { Locator, Page } from 'playwright-core'
import { sqliteUrl, startCollector } from '../collector/start-collector.js'
import { startListener } from '../helpers/listener.js'
import { someOf } from '../helpers/soak.js'
import { useChromium } from './chromium.js'
import { drawSwitch, LEAST_DIFFERENCE, Pixels } from './pixels.js'
import { assertOnScreen, openTelemetry, SCREENS, type VisitOptions } from './visit.js'

describe('the Telemetry page in a browser', () => {
  const chromium = useChromium()

  const openPage = (t: TestContext, options: VisitOptions) => openTelemetry(t, chromium.browser, options)

  test('turns telemetry off and on again, with one click each', async (t) => {
    const { app, page } = await openPage(t, {})
    const button = page.getByRole('switch', { name: 'Share anonymous usage telemetry' })
    for (const [state, allowed] of [['off', false], ['on', true]] as const) {
      await button.press('Space')
      await page.getByRole('heading', { name: `Telemetry is ${state}`, exact: true }).waitFor()
      assert.equal(await button.getAttribute('aria-checked'), String(allowed))
      assert.equal(await hasFocus(button), true)
      assert.equal((await app.telemetry.consent()).allowed, allowed)
    }
  })

  test('locks the switch where flowforge.yml opts out', async (t) => {
    const { page } = await openPage(t, { telemetry: { url: 'http://127.0.0.1:9', enabled: false } })
    assert.equal(await page.getByRole('switch').isDisabled(), true)
    await page.locator('#switch-help').getByText('sets telemetry.enabled to false').waitFor()
    await page.getByText('Nothing on this page can change that.').waitFor()
    assert.equal(await page.getByRole('button', { name: 'Send a ping now' }).count(), 0)
  })

  test('previews the exact bytes that a listener then receives', async (t) => {
    const listener = await startListener(t)
    const { page } = await openPage(t, { telemetry: { url: listener.url } })
    await page.getByText('The exact bytes').click()
    const shown = await page.locator('.exact').first().textContent()
    await page.getByRole('button', { name: 'Copy' }).click()
    await page.getByText(/^(Copied|Selected)/).waitFor()
    const pretty = await page.locator('pre.ping').textContent()
    await page.getByRole('button', { name: 'Send a ping now' }).click()
    await page.locator('#sent').getByText('delivered').waitFor()
    assert.equal(await hasFocus(page.getByRole('button', { name: 'Send a ping now' })), true)
    const { body } = await listener.next()
    assert.equal(shown, body)
    assert.deepEqual(JSON.parse(pretty!), JSON.parse(body))
    assert.equal(listener.requests.length, 1)
  })

  test('shows each ping next to the values that a collector stored', async (t) => {
    const collector = await startCollector(t, await sqliteUrl(t))
    const { page } = await openPage(t, { telemetry: { url: collector.url } })
    await page.getByRole('button', { name: 'Send a ping now' }).click()
    await page.getByRole('link', { name: 'See the ping' }).click()
    const marks = await readMarks(page)
    assert.equal(marks.get('platform.counts.users'), '1 1 kept')
    assert.equal(marks.get('os.type'), `"${type()}" "${type()}" kept`)
    assert.match(marks.get('addressHash')!, /^ *"[0-9a-f]{64}" added$/)
    assert.equal([...marks.values()].filter((row) => row.endsWith('kept')).length, 10)
    assert.equal((await collector.rows()).length, 1)
  })

  test('explains how to fix a failure, and collapses the technical details', async (t) => {
    const { page } = await openPage(t, { telemetry: { url: 'http://collector.invalid/' } })
    await page.getByRole('button', { name: 'Send a ping now' }).click()
    const result = await page.locator('#sent').innerText()
    await page.getByRole('link', { name: 'See the ping' }).click()
    assert.match(result, /^failed\. collector\.invalid could not be resolved.+HTTPS_PROXY/i)
    const detail = page.getByText(/^(ENOTFOUND|EAI_AGAIN)/)
    assert.equal(await detail.isVisible(), false)
    await page.getByText('Technical detail').click()
    assert.equal(await detail.isVisible(), true)
  })

  test('shows that it is sending, and ignores a second click', async (t) => {
    const listener = await startListener(t)
    const { page } = await openPage(t, { telemetry: { url: listener.url } })
    const shown = await page.evaluate(PRESS_THRICE)
    assert.deepEqual(shown, ['true', 'Sending… this can take up to 25 seconds.'])
    await page.locator('#sent').waitFor()
    assert.equal(listener.requests.length, 1)
    await page.reload()
    assert.equal(await page.locator('#sent').count(), 0)
  })

  test('shows the decision on the first screen of a phone and of a desktop', async (t) => {
    const { page } = await openPage(t, { telemetry: { url: 'http://127.0.0.1:9' } })
    for (const [width, height] of SCREENS) {
      await page.setViewportSize({ width, height })
      await page.reload()
      await assertOnScreen(page, page.getByRole('switch'), height)
      await assertOnScreen(page, page.locator('#switch-help'), height)
    }
  })

  test('shows the switch on and off clearly without colour, and in forced colours', async (t) => {
    const pixels = await Pixels.open(chromium.browser)
    t.after(() => pixels.close())
    for (const look of someOf([{}, { colorScheme: 'dark' }, { forcedColors: 'active' }] as const, 0, 2)) {
      const { page } = await openPage(t, { browser: { ...look, reducedMotion: 'reduce' } })
      const on = await drawSwitch(page)
      assert.equal(await wordOf(page), '"On"')
      // Two screenshots of the same state are equal.
      assert.equal(await pixels.difference(on, await drawSwitch(page)), 0)
      await page.getByRole('switch').click()
      await page.getByRole('heading', { name: 'Telemetry is off' }).waitFor()
      assert.equal(await wordOf(page), '"Off"')
      const difference = await pixels.difference(on, await drawSwitch(page))
      assert.ok(difference > LEAST_DIFFERENCE, `${JSON.stringify(look)}: ${difference} of the switch differs`)
    }
  })

  test('shows times in the time zone of the reader, and in UTC without JavaScript', async (t) => {
    const browser = { timezoneId: 'America/New_York' }
    for (const [javaScriptEnabled, zone] of [[true, /GMT-[45]/], [false, /UTC/]] as const) {
      const { page } = await openPage(t, { browser: { ...browser, javaScriptEnabled } })
      const time = page.locator('time').first()
      assert.match(await time.innerText(), zone)
      assert.match((await time.getAttribute('datetime'))!, /Z$/)
    }
  })
})

const hasFocus = async (locator: Locator) => await locator.and(locator.page().locator(':focus')).count() === 1

/** Clicks twice before the browser leaves the page, as a fast user might. */
const PRESS_THRICE = `(() => {
  const form = document.querySelector('form[data-busy]')
  const button = form.querySelector('button')
  for (let press = 0; press < 3; press++) button.click()
  return [button.getAttribute('aria-disabled'), form.querySelector('.busy').textContent]
})()`

const wordOf = (page: Page) => page.evaluate('getComputedStyle(document.querySelector("[role=switch]"), "::before").content')

/** The rows of the comparison, by property: `sent kept mark`. */
async function readMarks (page: Page): Promise<Map<string, string>> {
  const rows = await page.locator('.compared tbody tr').all()
  return new Map(await Promise.all(rows.map(async (row) => {
    const [path, ...cells] = await row.locator('th, td').allInnerTexts()
    return [path!, cells.join(' ')] as const
  })))
}
