import type { FastifyPluginAsync } from 'fastify'

/** The start page. */
export const home: FastifyPluginAsync = async (app) => {
  app.get('/', async (request, reply) => {
    if (!await app.settings.refresh('setup:initialised')) return reply.redirect('/setup')
    if (!request.user) return reply.redirect('/account/login')
    const { User, Team, Project } = app.db.models
    const [users, teams, projects] = await Promise.all([User.count(), Team.count(), Project.count()])
    return reply.page('admin/home', { counts: { users, teams, projects } })
  })
}
