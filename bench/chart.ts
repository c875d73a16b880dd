/** Draws lines as an SVG file that is legible on light and dark backgrounds. */
import { scaleLinear, scaleLog } from 'd3-scale'
import { line } from 'd3-shape'

const WIDTH = 760
const HEIGHT = 360
const MARGIN = { left: 90, right: 20, top: 70, bottom: 45 }

/** Lines differ in dashes as well as in colour. */
const STROKES = [
  { colour: '#1d70b8', dash: '' },
  { colour: '#d4651f', dash: '6 4' },
  { colour: '#7a52a8', dash: '2 3' }
]

const STYLE = `text { font: 13px system-ui, sans-serif; fill: #333 } .title { font-weight: 600 } .grid { stroke: #8884; stroke-width: 1 }
  path { fill: none; stroke-width: 2 } @media (prefers-color-scheme: dark) { text { fill: #ddd } }`

export interface LineChart {
  title: string
  x: string
  /** Steps from one mark below to the next. */
  every: number
  y: string
  /** Each line by its name: one value for each step along x. */
  lines: Record<string, number[]>
}

/** The lines on a logarithmic scale, whose least value is 1. */
export function drawLines ({ title, x, every, y, lines }: LineChart): string {
  const values = Object.values(lines)
  const across = scaleLinear([0, values[0]!.length - 1], [MARGIN.left, WIDTH - MARGIN.right])
  const up = scaleLog([1, Math.max(...values.flat())], [HEIGHT - MARGIN.bottom, MARGIN.top]).nice()
  const path = line<number>((_value, step) => across(step), (value) => up(Math.max(1, value))).digits(1)
  const marks = values[0]!.map((_value, step) => step).filter((step) => step % every === 0)
  const levels = up.ticks().filter((level) => Number.isInteger(Math.log10(level)))
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img">
<title>${title}</title>
<style>${STYLE}</style>
<text class="title" x="${MARGIN.left}" y="20">${title}</text>
${Object.keys(lines).map((name, index) => drawKey(name, index)).join('\n')}
${levels.map((level) => drawLevel(level, up(level))).join('\n')}
${marks.map((step) => `<text x="${across(step).toFixed(1)}" y="${HEIGHT - 22}" text-anchor="middle">${step}</text>`).join('\n')}
<text x="${WIDTH / 2}" y="${HEIGHT - 5}" text-anchor="middle">${x}</text>
<text x="14" y="${HEIGHT / 2}" text-anchor="middle" transform="rotate(-90 14 ${HEIGHT / 2})">${y}</text>
${values.map((line, index) => `<path d="${path(line)}" stroke="${STROKES[index]!.colour}" stroke-dasharray="${STROKES[index]!.dash}"/>`).join('\n')}
</svg>
`
}

function drawKey (name: string, index: number): string {
  const x = MARGIN.left + index * 215
  const { colour, dash } = STROKES[index]!
  return `<path d="M${x} 42h24" stroke="${colour}" stroke-dasharray="${dash}"/><text x="${x + 30}" y="46">${name}</text>`
}

function drawLevel (level: number, y: number): string {
  return `<path class="grid" d="M${MARGIN.left} ${y}H${WIDTH - MARGIN.right}"/>` +
    `<text x="${MARGIN.left - 8}" y="${y + 4}" text-anchor="end">${level.toLocaleString('en')}</text>`
}
