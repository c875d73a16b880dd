/** A line that a promise depends on, a change that breaks it, and the tests that must fail. */
export interface Mutation {
  file: string
  /** A part of the source that occurs exactly once. */
  original: string
  replacement: string
  /** The test file. */
  test: string
  /** A pattern for the title of the test; if absent, all tests of the file run. */
  title?: string
}

/** Mutations of one source file that one test file must detect. */
export function mutate (file: string, test: string, ...changes: [original: string, replacement: string, title?: string][]): Mutation[] {
  return changes.map(([original, replacement, title]) => ({
    file, test, original, replacement, ...(title === undefined ? {} : { title })
  }))
}
