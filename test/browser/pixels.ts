import type { Browser, Page } from 'playwright-core'

export type Colour = [red: number, green: number, blue: number]

export interface Point {
  x: number
  y: number
}

/** Reads the pixels of pictures, in a blank page. */
export class Pixels {
  private constructor (private readonly page: Page) {}

  static async open (browser: Browser): Promise<Pixels> {
    return new Pixels(await browser.newPage())
  }

  /** The colours of a picture at these points. */
  async at (picture: Buffer, points: Point[]): Promise<Colour[]> {
    return this.page.evaluate(`(${READ})(${JSON.stringify(picture.toString('base64'))}, ${JSON.stringify(points)})`)
  }

  /** The share of clearly different pixels in two pictures of the same size, from 0 to 1. */
  async difference (one: Buffer, other: Buffer): Promise<number> {
    return this.page.evaluate(`(${COMPARE})(...${JSON.stringify([one, other].map((each) => each.toString('base64')))})`)
  }

  close (): Promise<void> {
    return this.page.close()
  }
}

/** The least share of clearly different pixels between a switch on and off: the knob and the word move. */
export const LEAST_DIFFERENCE = 0.05

/** The switch without its label: the first 68 pixels. */
export async function drawSwitch (page: Page): Promise<Buffer> {
  await page.mouse.move(0, 0)
  await page.evaluate('document.activeElement.blur()')
  await page.evaluate('document.documentElement.style.filter = "grayscale(1)"')
  const box = (await page.getByRole('switch').boundingBox())!
  return page.screenshot({ clip: { ...box, width: 68 } })
}

const DECODE = `async (base64) => {
  const bitmap = await createImageBitmap(await (await fetch('data:image/png;base64,' + base64)).blob())
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d', { willReadFrequently: true })
  context.drawImage(bitmap, 0, 0)
  return context.getImageData(0, 0, bitmap.width, bitmap.height)
}`

const READ = `async (base64, points) => {
  const { data, width } = await (${DECODE})(base64)
  return points.map(({ x, y }) => (Math.floor(y) * width + Math.floor(x)) * 4).map((at) => [data[at], data[at + 1], data[at + 2]])
}`

const COMPARE = `async (one, other) => {
  const [a, b] = [await (${DECODE})(one), await (${DECODE})(other)]
  if (a.width !== b.width || a.height !== b.height) throw new Error('the pictures have different sizes')
  let differing = 0
  for (let at = 0; at < a.data.length; at += 4) {
    if ([0, 1, 2].some((channel) => Math.abs(a.data[at + channel] - b.data[at + channel]) > 96)) differing++
  }
  return differing / (a.data.length / 4)
}`

/** The contrast of two colours, as WCAG computes it: from 1 to 21. */
export function contrast (one: Colour, other: Colour): number {
  const [darker, lighter] = [luminance(one), luminance(other)].toSorted((a, b) => a - b) as [number, number]
  return (lighter + 0.05) / (darker + 0.05)
}

function luminance (colour: Colour): number {
  const [red, green, blue] = colour.map((channel) => {
    const share = channel / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  }) as Colour
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}
