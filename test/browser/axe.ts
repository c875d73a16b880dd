import axe from 'axe-core'
import type { Page } from 'playwright-core'

/** The rules whose result depends on the colours that a reader has chosen. */
const COLOUR_RULES = ['color-contrast', 'link-in-text-block']

/** Checks the current page by all rules of axe-core, or only those on colours. Returns a line for each violation. */
export async function findViolations (page: Page, onlyColours: boolean): Promise<string[]> {
  if (!await page.evaluate('"axe" in window')) await page.evaluate(axe.source)
  // Only violations get the texts that explain them.
  const options: axe.RunOptions = { resultTypes: ['violations'], ...onlyColours && { runOnly: COLOUR_RULES } }
  const { violations } = await page.evaluate(`axe.run(${JSON.stringify(options)})`) as axe.AxeResults
  return violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html} ${nodes[0]?.failureSummary}`)
}
