/** One line on which a promise hangs, what breaks it, and the tests that must notice. */
export interface Mutation {
  file: string
  /** A part of the source that stands there once. */
  original: string
  replacement: string
  /** The test file. */
  test: string
  /** What the title of the test matches; each test of the file if absent. */
  title?: string
}

/** Mutations of one source file that one test file must notice. */
export function mutate (file: string, test: string, ...changes: [original: string, replacement: string, title?: string][]): Mutation[] {
  return changes.map(([original, replacement, title]) => ({
    file, test, original, replacement, ...(title === undefined ? {} : { title })
  }))
}
