/** Writes docs/benchmarks.md from the stored results of the benchmarks. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { formatTable, type Benchmark } from './publish.js'

const NAMES = ['host', 'startup', 'collector', 'report', 'arrivals', 'repository']

const INTRODUCTION = `# Benchmarks

What telemetry costs the platform that carries it, and what it takes to receive it. \`npm run bench\` measures all of
it again and writes this page; \`npm run bench:host\` and its siblings measure one part.

Times on a shared machine are noisy. Figures are medians with their range. What counts are the ratios, taken pair by
pair between runs made in turn; behind each stands where the median of ever more runs would lie, with a certainty of
19 in 20. Where that is wider than the difference it should show, it shows none.
`

function writeSection (name: string): string {
  const file = `bench/results/${name}.json`
  if (!existsSync(file)) return ''
  const { title, machine, method, tables, findings, charts = [] } = JSON.parse(readFileSync(file, 'utf8')) as Benchmark & { machine: string }
  return [
    `## ${title}`,
    method,
    `Machine: ${machine}.`,
    ...tables.map((table) => `**${table.title}**\n\n${formatTable(table)}`),
    ...charts.map(({ file, words }) => `![${words}](${file})`),
    findings.map((finding) => `- ${finding}`).join('\n')
  ].filter(Boolean).join('\n\n') + '\n'
}

writeFileSync('docs/benchmarks.md', [INTRODUCTION, ...NAMES.map(writeSection).filter(Boolean)].join('\n'))
console.log('docs/benchmarks.md was written.')
