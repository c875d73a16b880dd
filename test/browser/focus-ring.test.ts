import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { ACCOUNT, buildNewPlatform } from '../helpers/client.js'
import { startListener } from '../helpers/listener.js'
import { inSoak, someOf } from '../helpers/soak.js'
import { useChromium } from './chromium.js'
import { contrast, Pixels, type Point } from './pixels.js'
import { fillAccount, press } from './visit.js'

const LEAST_CONTRAST = 3

/** Each in a separate window: when colours change on an open page, Chromium draws parts in the old ones. */
const LOOKS: Record<string, BrowserContextOptions> = {
  light: { colorScheme: 'light' },
  dark: { colorScheme: 'dark' },
  'forced colours': { forcedColors: 'active' }
}

/** The link to the content is visible only while it has the focus, on top of other content. */
const SKIP = '.skip'
const FOCUSABLE = ':is(a[href], button, input, select, textarea, summary, [tabindex])' +
  `:not([tabindex="-1"], [type="hidden"], [disabled], [hidden], ${SKIP})`

/** The number of focusable elements of each page, so that none is missed. */
const SEEN = {
  'the administrator': 6,
  'the decision': 8,
  'the summary': 6,
  'the administrator, created': 5,
  Telemetry: 26,
  'a ping': 6,
  'an error': 4,
  'the login': 4
}

/** In the soak test all of them; these have every kind of element. */
const IN_FORCED_COLOURS = ['the administrator', 'Telemetry']

describe('the focus ring', () => {
  const chromium = useChromium()

  test(`of every focusable element has a contrast of at least ${LEAST_CONTRAST} to its surroundings`, async (t) => {
    const { url } = await startListener(t)
    const app = await buildNewPlatform(t, { telemetry: { url } })
    const baseURL = await app.listen({ host: '127.0.0.1', port: 0 })
    const open = async (look: BrowserContextOptions) => {
      const context = await chromium.browser.newContext({ ...look, baseURL, reducedMotion: 'reduce', viewport: { width: 800, height: 800 } })
      t.after(() => context.close())
      return context.newPage()
    }
    const pages = await Promise.all(someOf(Object.entries(LOOKS), 0, 2).map(async ([look, options]) => ({ look, page: await open(options) })))
    const pixels = await Pixels.open(chromium.browser)
    t.after(() => pixels.close())
    const seen: Record<string, number> = {}
    /** Checks the page of the first window in all windows. */
    const check = async (name: string) => {
      const { page: first } = pages[0]!
      const cookies = await first.context().cookies()
      for (const { look, page } of pages) {
        if (page !== first && !inSoak(true, IN_FORCED_COLOURS.includes(name))) continue
        if (page !== first) {
          await page.context().addCookies(cookies)
          await page.goto(first.url())
        }
        if (name === 'the administrator') await checkRings(page, pixels, SKIP, look)
        seen[name] = await checkRings(page, pixels, FOCUSABLE, `${name}, ${look}`)
      }
    }

    const { page } = pages[0]!
    await page.goto('/setup')
    await check('the administrator')
    await fillAccount(page)
    await press(page, 'Create the administrator')
    await check('the decision')
    await press(page, 'Continue')
    await check('the summary')
    await page.goto('/setup?step=administrator')
    await check('the administrator, created')
    await page.goto('/setup')
    await press(page, 'Finish the setup')
    await page.goto('/admin/settings/telemetry')
    await press(page, 'Send a ping now')
    await page.locator('#sent').waitFor()
    await check('Telemetry')
    await page.getByRole('link', { name: 'See the ping' }).click()
    await check('a ping')
    await page.goto('/nowhere')
    await check('an error')
    await press(page, 'Sign out')
    await page.getByLabel('Username').fill(ACCOUNT.username)
    await page.getByLabel('Password').fill('wrong')
    await press(page, 'Sign in')
    await check('the login')
    assert.deepEqual(seen, SEEN)
  })
})

/** Measures all rings of a page in one screenshot. @returns how many */
async function checkRings (page: Page, pixels: Pixels, selector: string, name: string): Promise<number> {
  await page.waitForLoadState()
  await page.evaluate(`document.activeElement.blur()
    document.querySelectorAll('details').forEach((each) => { each.open = true })`)
  await page.mouse.move(0, 0)
  const before = await page.screenshot({ fullPage: true })
  const release = await focusAll(page, selector)
  const found = await page.evaluate(`(${LOCATE})(${JSON.stringify(selector)})`) as { html: string, sides: Point[][] }[]
  const focused = await page.screenshot({ fullPage: true })
  await release()
  const points = found.flatMap(({ sides }) => sides.flat())
  const [without, within] = [await pixels.at(before, points), await pixels.at(focused, points)]
  const ratioAt = (point: Point) => contrast(without[points.indexOf(point)]!, within[points.indexOf(point)]!)
  const poor = found.flatMap(({ html, sides }) => {
    const ratios = sides.map((side) => median(side.map(ratioAt)).toFixed(2))
    return sides.length >= 3 && ratios.every((ratio) => Number(ratio) >= LEAST_CONTRAST) ? [] : [`${html}: ${ratios.join(', ')}`]
  })
  assert.deepEqual(poor, [], name)
  return found.length
}

/** Makes every element look as if the keyboard had moved the focus to it. */
async function focusAll (page: Page, selector: string): Promise<() => Promise<void>> {
  const session = await page.context().newCDPSession(page)
  await session.send('DOM.enable')
  await session.send('CSS.enable')
  const { root } = await session.send('DOM.getDocument', { depth: 0 })
  const { nodeIds } = await session.send('DOM.querySelectorAll', { nodeId: root.nodeId, selector })
  await Promise.all(nodeIds.map((nodeId) => (
    session.send('CSS.forcePseudoState', { nodeId, forcedPseudoClasses: ['focus', 'focus-visible'] }))))
  return () => session.detach()
}

/** The median ignores the few points where the ring crosses a letter instead of background. */
const median = (ratios: number[]) => ratios.toSorted((one, other) => one - other)[Math.floor(ratios.length / 2)]!

/** Points along the visible sides of the ring. An element without a box is hidden. */
const LOCATE = `(selector) => [...document.querySelectorAll(selector)].filter((each) => each.getClientRects().length > 0).map((each) => {
  const { outlineOffset, outlineWidth } = getComputedStyle(each)
  const out = parseFloat(outlineOffset) + parseFloat(outlineWidth) / 2
  const { left, right, top, bottom, width, height } = each.getClientRects()[0]
  const along = (draw) => [0.3, 0.4, 0.5, 0.6, 0.7].map(draw).map(({ x, y }) => ({ x: x + scrollX, y: y + scrollY }))
  const sides = [
    along((share) => ({ x: left - out, y: top + share * height })), along((share) => ({ x: right + out, y: top + share * height })),
    along((share) => ({ x: left + share * width, y: top - out })), along((share) => ({ x: left + share * width, y: bottom + out }))
  ]
  const { clientWidth, scrollHeight } = document.documentElement
  const isOnPage = ({ x, y }) => x >= 0 && y >= 0 && x < clientWidth && y < scrollHeight
  return { html: each.outerHTML.slice(0, 120), sides: sides.filter((side) => side.every(isOnPage)) }
})`
