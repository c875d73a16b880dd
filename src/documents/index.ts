import type { FastifyPluginAsync } from 'fastify'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { RequestProblem } from '../http/request-problem.js'
import { DOCUMENTS, type DocumentName, type RenderedDocument } from './names.js'

/** Next to `src`, and in a package next to `dist`. */
const FOLDER = join(import.meta.dirname, '../../docs')

/** The documents for people who run this platform, so that they can be read where no other host can be reached. */
const documents: FastifyPluginAsync = async (app) => {
  const rendered = new Map<DocumentName, Promise<RenderedDocument>>()

  app.get<{ Params: { name: string } }>('/documents/:name', async (request, reply) => {
    const name = DOCUMENTS.find((each) => each === request.params.name)
    if (!name) throw new RequestProblem(404, 'not_found', 'There is no such document.')
    if (!rendered.has(name)) rendered.set(name, load(name))
    return reply.page('documents/document', { document: await rendered.get(name) })
  })
}

async function load (name: DocumentName): Promise<RenderedDocument> {
  const text = await readFile(join(FOLDER, `${name}.md`), 'utf8').catch(() => {
    throw new RequestProblem(404, 'not_found',
      `${name}.md is not installed here. It is in the folder docs of FlowForge.`)
  })
  // Loads marked, only when the first document is requested.
  const { renderDocument } = await import('./render.js')
  return renderDocument(text)
}

export default documents
