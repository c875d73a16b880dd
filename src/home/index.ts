import type { FastifyPluginAsync } from 'fastify'
import { readTelemetry } from '../admin/read-telemetry.js'

/** The start page: how much there is on the platform and, for administrators, how telemetry stands. */
export const home: FastifyPluginAsync = async (app) => {
  app.get('/', async (request, reply) => {
    if (!await app.settings.refresh('setup:initialised')) return reply.redirect('/setup')
    if (!request.user) return reply.redirect('/account/login')
    const { User, Team, Project } = app.db.models
    return reply.page('admin/home', {
      counts: { Users: await User.count(), Teams: await Team.count(), Projects: await Project.count() },
      telemetry: request.user.admin ? await readTelemetry(app) : undefined
    })
  })
}
