import type { FastifyPluginAsync } from 'fastify'

/** The start page: what is on the platform and, for administrators, whether telemetry is on. */
const home: FastifyPluginAsync = async (app) => {
  app.get('/', async (request, reply) => {
    if (!await app.settings.refresh('setup:initialised')) return reply.redirect('/setup')
    if (!request.user) return reply.redirect('/account/login')
    const { User, Team, Project } = app.db.models
    return reply.page('home/home', {
      counts: { Users: await User.count(), Teams: await Team.count(), Projects: await Project.count() },
      telemetry: request.user.admin ? await app.telemetry.consent() : undefined
    })
  })
}

export default home
