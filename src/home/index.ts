import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import { describeState } from '../telemetry/describe-state.js'
import { loadSection } from '../views/section.js'

/** The start page: counts and, for administrators, whether telemetry is on. */
const home: FastifyPluginAsync = async (app) => {
  app.get('/', async (request, reply) => {
    if (!await app.settings.refresh('setup:initialised')) return reply.redirect('/setup')
    if (!request.user) return reply.redirect('/account/login')
    const { User, Team, Project } = app.db.models
    const { user, log } = request
    return reply.page('home/home', {
      counts: { Users: await User.count(), Teams: await Team.count(), Projects: await Project.count() },
      state: user.admin ? await loadSection(log, 'the state of telemetry', () => readState(app)) : undefined
    })
  })
}

async function readState ({ telemetry }: FastifyInstance) {
  return describeState(await telemetry.consent(), (await telemetry.pings(1))[0])
}

export default home
