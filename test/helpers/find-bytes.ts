/**
 * Finds which of some hundreds of byte sequences, each of two bytes or more, occur in `bytes`, in one pass for any
 * number of sequences.
 */
export function findBytes (bytes: Buffer, wanted: Buffer[]): Buffer[] {
  const byStart = new Map<number, Buffer[]>()
  const isStart = new Uint8Array(2 ** 16)
  for (const one of wanted) {
    const start = one.readUInt16BE()
    isStart[start] = 1
    byStart.set(start, [...byStart.get(start) ?? [], one])
  }
  const found = new Set<Buffer>()
  for (let at = 0, start = 0; at < bytes.length; at++) {
    start = ((start << 8) | bytes[at]!) & 0xffff
    if (isStart[start] === 0) continue
    for (const one of byStart.get(start) ?? []) {
      if (at > 0 && bytes.subarray(at - 1, at - 1 + one.length).equals(one)) found.add(one)
    }
  }
  return [...found]
}
