import type { FastifyPluginAsync } from 'fastify'
import { home } from './home.js'

/** The pages of who is signed in, and the API behind them. */
const admin: FastifyPluginAsync = async (app) => {
  await app.register(home)
}

export default admin
