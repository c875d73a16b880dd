/** Shared by all benchmarks: summarises, prints and stores results. */
import { mkdirSync, writeFileSync } from 'node:fs'
import os from 'node:os'

export interface Table {
  title: string
  columns: string[]
  rows: string[][]
}

/** One benchmark as docs/benchmarks.md presents it. */
export interface Benchmark {
  title: string
  /** How it was measured. */
  method: string
  tables: Table[]
  /** The conclusions compared with the targets, and the reason if a target was missed. */
  findings: string[]
  /** Charts, as SVG files in docs/, with alternative texts. */
  charts?: { file: string, words: string }[]
  /** The answers of one collector a second, if measured. */
  rate?: number
  /** The raw results, if a document is made from them. */
  measured?: object[]
}

/** Prints a benchmark, and keeps it as JSON for the document. */
export function publish (name: string, benchmark: Benchmark): void {
  const machine = `${os.cpus().length} × ${os.cpus()[0]?.model.trim()}, ${Math.round(os.totalmem() / 2 ** 30)} GiB, ` +
    `${os.type()} ${os.release()}, Node.js ${process.version}`
  console.log(`\n${benchmark.title}\n${machine}`)
  for (const table of benchmark.tables) console.log(`\n${table.title}\n${formatTable(table)}`)
  for (const finding of benchmark.findings) console.log(`- ${finding}`)
  mkdirSync('bench/results', { recursive: true })
  writeFileSync(`bench/results/${name}.json`, JSON.stringify({ machine, ...benchmark }, null, 2) + '\n')
}

/** A table in Markdown, its columns aligned: it reads the same in a terminal. */
export function formatTable ({ columns, rows }: Table): string {
  const widths = columns.map((column, index) => Math.max(column.length, ...rows.map((row) => row[index]!.length)))
  const line = (cells: string[]) => `| ${cells.map((cell, index) => index ? cell.padStart(widths[index]!) : cell.padEnd(widths[0]!)).join(' | ')} |`
  const rule = `| ${widths.map((width, index) => index ? '-'.repeat(width - 1) + ':' : '-'.repeat(width)).join(' | ')} |`
  return [line(columns), rule, ...rows.map(line)].join('\n')
}

/** The middle value; of an even number of values the mean of the two in the middle. */
export function median (values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** The median with the range that it was found in: `12.3 (11.9 to 14.0)`. */
export function spread (values: number[], digits = 1): string {
  return `${median(values).toFixed(digits)} (${Math.min(...values).toFixed(digits)} to ${Math.max(...values).toFixed(digits)})`
}

/**
 * The median with its 95 % confidence interval: the values 0.98√n places before and after the middle. For five values
 * that is their whole range.
 */
export function estimate (values: number[], digits = 1): string {
  const sorted = values.toSorted((a, b) => a - b)
  const low = Math.max(0, Math.floor(sorted.length / 2 - 0.98 * Math.sqrt(sorted.length)))
  return `${median(sorted).toFixed(digits)} (${sorted[low]!.toFixed(digits)} to ${sorted.at(-1 - low)!.toFixed(digits)})`
}

/** Ratios pair by pair: of runs made in turn, so that a machine that slows down slows both sides of a pair. */
export function ratio (ours: number[], theirs: number[]): string {
  return estimate(ours.map((value, round) => value / theirs[round]!), 2)
}
