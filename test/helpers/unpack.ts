import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { gunzipSync } from 'node:zlib'

const BLOCK = 512

/** Unpacks an archive of `npm pack`, a tar of files with short names, into `directory`, without `package/`. */
export function unpack (archive: string, directory: string): void {
  const bytes = gunzipSync(readFileSync(archive))
  const read = (at: number, length: number) => bytes.toString('utf8', at, at + length).replace(/\0.*$/s, '')
  for (let at = 0; bytes[at] !== 0;) {
    const file = join(directory, join(read(at + 345, 155), read(at, 100)).replace(/^package\//, ''))
    const [size, mode] = [read(at + 124, 12), read(at + 100, 8)].map((octal) => parseInt(octal, 8)) as [number, number]
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, bytes.subarray(at + BLOCK, at + BLOCK + size), { mode })
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK
  }
}
