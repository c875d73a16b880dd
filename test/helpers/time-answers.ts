/**
 * Measures answer times of a platform in a separate process, so that the work of the crowd's process is not included.
 * For each line of input it measures some answers of each path, one after the other, and prints them.
 *
 *     time-answers.js URL COOKIE LOOKS PATH...
 */
import { createInterface } from 'node:readline'

const [url, cookie, looks, ...paths] = process.argv.slice(2)

createInterface({ input: process.stdin }).on('line', () => { void timeAnswers() })

async function timeAnswers (): Promise<void> {
  const times: Record<string, number[]> = Object.fromEntries(paths.map((path) => [path, []]))
  for (let look = 0; look < Number(looks); look++) {
    for (const path of paths) {
      const start = performance.now()
      const response = await fetch(url + path, { headers: { cookie: cookie! }, redirect: 'manual' })
      await response.text()
      if (response.status !== 200) throw new Error(`${path} answered ${response.status}`)
      times[path]!.push(performance.now() - start)
    }
  }
  console.log(JSON.stringify(times))
}
