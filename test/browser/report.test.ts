import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { describe, test, type TestContext } from 'node:test'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { storeYearOfPings } from '../../demo/year-of-pings.js'
import { openTestDatabase, sqliteUrl, startCollector } from '../collector/start-collector.js'
import { inSoak, isSoak } from '../helpers/soak.js'
import { findViolations } from './axe.js'
import { useChromium } from './chromium.js'

const TOKEN = 'the-token-of-the-tests'
const NOW = Date.UTC(2026, 10, 25, 12)
const WIDTHS = [320, 768, 1280]

/** The colour settings that a reader may have chosen. */
const LOOKS: Array<[name: string, options: BrowserContextOptions]> = [
  ['light', { colorScheme: 'light' }],
  ['dark', { colorScheme: 'dark' }],
  ['forced', { forcedColors: 'active' }]
]

/** Colours do not depend on the width, nor the layout on the colours: each is checked once, and only its colours after the first. */
const CHECKED_AT: Record<string, number> = { light: 1280, dark: 320, forced: 768 }

describe('the usage report, in light, dark and forced colours, at 320, 768 and 1280 pixels', () => {
  const chromium = useChromium()

  // The public page differs only in its head.
  for (const [what, installations, looksAt] of [
    ['with figures', 120, { '/report': LOOKS, '/usage': inSoak(LOOKS, LOOKS.slice(0, 1)) }],
    ['without any', 0, { '/report': inSoak(LOOKS, LOOKS.slice(2)), '/usage': inSoak(LOOKS, LOOKS.slice(0, 1)) }]
  ] as const) {
    test(`${what} has no axe-core violations and no horizontal scrolling`, async (t) => {
      const url = await startWithYear(t, installations)
      for (const [path, looks] of Object.entries(looksAt)) {
        for (const [look, options] of looks) {
          const page = await open(t, chromium.browser, options)
          await page.goto(url + path)
          for (const width of WIDTHS) {
            await page.setViewportSize({ width, height: 900 })
            await picture(page, `${path.slice(1)}-${installations}-${look}-${width}`)
            const what = `${path}, ${look}, ${width} pixels`
            await assertFits(page, what)
            if (!isSoak && CHECKED_AT[look] !== width) continue
            assert.deepEqual(await findViolations(page, inSoak(false, look !== looks[0]![0])), [], what)
          }
        }
      }
    })
  }
})

async function startWithYear (t: TestContext, installations: number): Promise<string> {
  const databaseUrl = await sqliteUrl(t)
  if (installations > 0) {
    const db = await openTestDatabase(t, databaseUrl)
    await storeYearOfPings(db, installations, NOW, 40)
  }
  return (await startCollector(t, databaseUrl, { reportToken: TOKEN, public: true }, { now: () => NOW })).url
}

async function open (t: TestContext, browser: Browser, options: BrowserContextOptions): Promise<Page> {
  const context = await browser.newContext({
    ...options, reducedMotion: 'reduce', httpCredentials: { username: 'reader', password: TOKEN }
  })
  t.after(() => context.close())
  return context.newPage()
}

/** If SCREENSHOTS names a directory, saves pictures there for review. */
async function picture (page: Page, name: string): Promise<void> {
  const { SCREENSHOTS } = process.env
  if (SCREENSHOTS === undefined) return
  await mkdir(SCREENSHOTS, { recursive: true })
  await page.screenshot({ path: `${SCREENSHOTS}/${name}.png`, fullPage: true })
}

/** Checks that the current page does not scroll sideways, with all collapsed parts opened. */
async function assertFits (page: Page, what: string): Promise<void> {
  await page.evaluate('document.querySelectorAll("details").forEach((each) => { each.open = true })')
  const tooWide = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
  assert.equal(tooWide, 0, `${what}: too wide`)
}
