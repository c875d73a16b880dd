/** Compares versions such as `v20.11.1` and `2.4.0-beta.1`: number by number, a pre-release before its release. */
export function compareVersions (a: string, b: string): number {
  const [left, right] = [partsOf(a), partsOf(b)]
  for (let index = 0; index < 3; index++) {
    const difference = left.numbers[index]! - right.numbers[index]!
    if (difference !== 0) return difference
  }
  if (left.suffix === '' || right.suffix === '') return (left.suffix === '' ? 1 : 0) - (right.suffix === '' ? 1 : 0)
  return left.suffix.localeCompare(right.suffix, 'en', { numeric: true })
}

function partsOf (version: string): { numbers: number[], suffix: string } {
  const [, major = '-1', minor = '0', patch = '0', suffix = version] =
    /^v?(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?(.*)$/.exec(version) ?? []
  return { numbers: [major, minor, patch].map(Number), suffix }
}
