import type { FastifyReply, FastifyRequest } from 'fastify'
import { accountSchema } from '../accounts/schema.js'
import { findProblems, setStatus, type Problems } from '../http/errors.js'
import { isForm } from '../http/forms.js'
import type { RequestProblem } from '../http/request-problem.js'
import { describeChoice, describeReceiver } from '../telemetry/describe-state.js'
import { describePing } from '../views/ping.js'
import { loadSection } from '../views/section.js'
import { chooseStep, findProgress, STEPS } from './progress.js'

/** Shows the next step of the wizard, or an earlier one that `?step=` requests. */
export function showStep (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { step } = request.query as { step?: unknown }
  return sendStep(request, reply, step)
}

/** Shows the step whose form was refused again, with the entered values and their problems. */
export async function showStepAgain (error: Error, request: FastifyRequest, reply: FastifyReply) {
  const problems = isForm(request) && findProblems(error, request)
  if (!problems) throw error
  setStatus(error as RequestProblem, reply)
  return sendStep(request, reply, undefined, problems)
}

async function sendStep (request: FastifyRequest, reply: FastifyReply, asked: unknown, problems: Problems = {}) {
  const progress = await findProgress(request.server)
  // Only the administrator may see the values entered so far.
  const isStranger = progress.administrator && !request.user?.admin
  const step = isStranger ? 'sign-in' : chooseStep(asked, progress)
  return reply.page(`setup/${step}`, {
    ...progress,
    steps: STEPS,
    step,
    problems,
    values: request.body ?? {},
    fields: accountSchema.properties,
    ...await readChoice(request, step === 'telemetry')
  })
}

/** Reads what the wizard shows about telemetry. The preview may be missing; the switch depends only on the settings. */
async function readChoice ({ server: app, log }: FastifyRequest, withPreview: boolean) {
  const { telemetry } = app
  const operator = await telemetry.operatorConsent()
  const enabled = await app.settings.refresh('telemetry:enabled') === true
  return {
    operator,
    enabled,
    url: telemetry.url,
    receiver: describeReceiver(telemetry.url),
    choice: describeChoice({ enabled, operator, url: telemetry.url }),
    preview: withPreview
      ? await loadSection(log, 'the exact ping', async () => describePing(await telemetry.preview()))
      : undefined
  }
}
