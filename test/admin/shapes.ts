/** Answers of 64 KiB that are hard to display. */
export const SHAPES: Record<string, string> = {
  'many properties': fill((index) => `"k${index}":${index}`),
  'nested objects': `{"received":${'{"a":'.repeat(10_900)}1${'}'.repeat(10_900)}}`,
  'nested arrays': `{"received":${'['.repeat(32_000)}${']'.repeat(32_000)}}`,
  'one long text': JSON.stringify({ received: { text: 'x'.repeat(65_000) } }),
  'one long name': JSON.stringify({ received: { ['x'.repeat(65_000)]: 1 } }),
  'what HTML escapes': '"'.repeat(65_536),
  'other alphabets': 'ﷺ'.repeat(21_845),
  'wide and deep': fill((index) => `"k${index}":${'{"a":'.repeat(20)}${index}${'}'.repeat(20)}`)
}

function fill (entry: (index: number) => string): string {
  const entries: string[] = []
  for (let size = 20; size < 65_000; size += entries.at(-1)!.length + 1) entries.push(entry(entries.length))
  return `{"received":{${entries.join(',')}}}`
}
