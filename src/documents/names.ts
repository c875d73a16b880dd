/** The documents that the platform shows, by their files in docs/: those for administrators and operators. */
export const DOCUMENTS = [
  'telemetry', 'privacy', 'network', 'states', 'operations', 'configuration', 'command-line', 'collector', 'api',
  'embedding'
] as const

export type DocumentName = typeof DOCUMENTS[number]

export interface RenderedDocument {
  title: string
  html: string
}
