import { randomUUID } from 'node:crypto'
import type { Decision } from '../db/telemetry-decision.js'
import type { Telemetry } from '../telemetry/index.js'
import type { Decisions } from './decisions.js'
import type { Settings } from './settings.js'

type By = Pick<Decision, 'way' | 'who'>

interface Installation {
  settings: Settings
  decisions: Decisions
  telemetry: Pick<Telemetry, 'forget'>
}

/**
 * Gives this installation a new random id, and records who did: a copy of a machine shares the id of the original. The
 * receiver keeps earlier pings under the old id.
 */
export async function takeNewInstanceId (
  { settings, decisions }: Pick<Installation, 'settings' | 'decisions'>, by: By
): Promise<void> {
  await settings.set('instanceId', randomUUID())
  await decisions.record({ ...by, action: 'new id' })
}

/**
 * Deletes what the receiver holds of this installation, gives the installation a new id, and records who did. Sets the
 * new id first, so that no ping with the old one follows the deletion, and restores the old one if deleting fails.
 *
 * @returns how many rows the receiver deleted
 * @throws as `telemetry.forget` does
 */
export async function forgetInstallation (
  { settings, decisions, telemetry }: Installation, by: By
): Promise<Awaited<ReturnType<Telemetry['forget']>>> {
  const instanceId = await settings.refresh('instanceId')
  if (!instanceId) throw new Error('the setting instanceId cannot be read')
  await settings.set('instanceId', randomUUID())
  const forgotten = await telemetry.forget(instanceId).catch(async (error: unknown) => {
    await settings.set('instanceId', instanceId)
    throw error
  })
  await decisions.record({ ...by, action: 'forget' })
  return forgotten
}
