import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Locator, Page } from 'playwright-core'
import { ACCOUNT } from '../helpers/client.js'
import { someOf } from '../helpers/soak.js'
import { useChromium } from './chromium.js'
import { drawSwitch, LEAST_DIFFERENCE, Pixels } from './pixels.js'
import { assertOnScreen, fillAccount, goThroughWizard, press, SCREENS, visit } from './visit.js'

describe('the wizard in a browser', () => {
  const chromium = useChromium()

  test('leaves telemetry on if nobody opts out', async (t) => {
    const { app, page } = await visit(t, chromium.browser)
    await goThroughWizard(page)
    assert.equal(await page.getByRole('heading', { name: 'Telemetry is on' }).count(), 1)
    assert.equal((await app.telemetry.consent()).allowed, true)
  })

  test('shows the exact ping before it asks, and turns telemetry off', async (t) => {
    const { app, page } = await visit(t, chromium.browser)
    await page.goto('/')
    await fillAccount(page)
    await page.getByRole('button', { name: 'Create the administrator' }).click()
    assert.deepEqual(JSON.parse(await page.locator('pre').first().innerText()), JSON.parse(await app.telemetry.preview()))
    const choice = page.getByRole('switch', { name: 'Share anonymous usage telemetry' })
    assert.equal(await choice.isChecked(), true)
    await choice.uncheck()
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByText('Off. Nothing is sent.').waitFor()
    await page.getByRole('button', { name: 'Finish the setup' }).click()
    await page.getByRole('heading', { name: 'Telemetry is off' }).waitFor()
    assert.equal((await app.telemetry.consent()).decidedBy, 'administrator')
  })

  test('shows the decision on the first screen of a phone and of a desktop', async (t) => {
    const { page } = await visit(t, chromium.browser)
    await page.goto('/')
    await fillAccount(page)
    await page.getByRole('button', { name: 'Create the administrator' }).click()
    for (const [width, height] of SCREENS) {
      await page.setViewportSize({ width, height })
      await assertOnScreen(page, page.getByRole('switch'), height)
      await assertOnScreen(page, page.locator('#telemetry-help'), height)
    }
    assert.equal(await page.evaluate('document.activeElement.tagName'), 'H1')
  })

  test('shows the switch on and off clearly without colour, and in forced colours', async (t) => {
    const pixels = await Pixels.open(chromium.browser)
    t.after(() => pixels.close())
    // The Telemetry page has the same switch.
    for (const look of someOf([{}, { forcedColors: 'active' }] as const, 1)) {
      const { page } = await visit(t, chromium.browser, { browser: { ...look, reducedMotion: 'reduce' } })
      await page.goto('/')
      await fillAccount(page)
      await press(page, 'Create the administrator')
      const on = await drawSwitch(page)
      await page.getByRole('switch').uncheck()
      const difference = await pixels.difference(on, await drawSwitch(page))
      assert.ok(difference > LEAST_DIFFERENCE, `${JSON.stringify(look)}: ${difference} of the switch differs`)
    }
  })

  test('works with JavaScript disabled', async (t) => {
    const { app, page } = await visit(t, chromium.browser, { browser: { javaScriptEnabled: false } })
    await goThroughWizard(page)
    assert.equal(app.settings.get('setup:initialised'), true)
  })

  test('works with only the keyboard', async (t) => {
    const { app, page } = await visit(t, chromium.browser)
    await page.goto('/')
    await tabTo(page, page.getByLabel('Name', { exact: true }))
    for (const value of Object.values(ACCOUNT)) {
      await page.keyboard.type(value)
      await page.keyboard.press('Tab')
    }
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Share anonymous telemetry?' }).waitFor()
    await tabTo(page, page.getByRole('switch'))
    await page.keyboard.press('Space')
    await tabTo(page, page.getByRole('button', { name: 'Continue' }))
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Ready to finish' }).waitFor()
    await tabTo(page, page.getByRole('button', { name: 'Finish the setup' }))
    await page.keyboard.press('Space')
    await page.getByRole('heading', { name: 'Hello, Ada' }).waitFor()
    assert.equal(app.settings.get('telemetry:enabled'), false)
  })

  test('locks the switch where flowforge.yml opts out', async (t) => {
    const { app, page } = await visit(t, chromium.browser, { telemetry: { url: 'http://127.0.0.1:9', enabled: false } })
    await page.goto('/')
    await fillAccount(page)
    await page.getByRole('button', { name: 'Create the administrator' }).click()
    const choice = page.getByRole('switch')
    assert.deepEqual([await choice.isDisabled(), await choice.isChecked()], [true, false])
    await page.getByText('sets telemetry.enabled to false').waitFor()
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByText(/Off\. Telemetry is off: .*flowforge\.yml/).waitFor()
    assert.equal(app.settings.get('telemetry:enabled'), false)
  })
})

/** Presses the tab key until the target has the focus. */
async function tabTo (page: Page, target: Locator): Promise<void> {
  for (let presses = 0; presses < 30; presses++) {
    await page.keyboard.press('Tab')
    if (await target.and(page.locator(':focus')).count() === 1) return
  }
  assert.fail(`the tab key does not reach ${String(target)}`)
}
