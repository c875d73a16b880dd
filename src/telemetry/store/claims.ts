import { DataTypes, Op, type Sequelize, type Transaction } from 'sequelize'

const DAY_MS = 86_400_000

/** Replicas that start together reach their boot ping within this time; one that restarts takes longer (design, section 5). */
const BOOT_WAVE_MS = 30_000

/**
 * Who may send. Replicas share one database, and each ping of the schedule is claimed there before it is sent: one
 * conditional update, which only one of them can win.
 */
export function createClaims (sequelize: Sequelize) {
  const claims = sequelize.define('TelemetryClaim', {
    kind: { type: DataTypes.STRING, primaryKey: true },
    claimedAt: { type: DataTypes.DATE, allowNull: false }
  }, { tableName: 'TelemetryClaims', timestamps: false, paranoid: false, underscored: false })

  /**
   * Resolves to whether this replica won: at most one does, in each boot wave and on each UTC day. Within a
   * transaction the claim stands only once, and only if, that is committed.
   */
  return async function claim (kind: 'boot' | 'daily', now: Date, transaction?: Transaction): Promise<boolean> {
    const last = kind === 'daily'
      ? { [Op.lt]: new Date(Math.floor(now.getTime() / DAY_MS) * DAY_MS) }
      : { [Op.lt]: new Date(now.getTime() - BOOT_WAVE_MS) }
    // A claim from the future was made by a clock that has since been set right. It must not silence the years between.
    const impossible = { [Op.gt]: new Date(now.getTime() + DAY_MS) }
    const where = { kind, claimedAt: { [Op.or]: [last, impossible] } }
    const [won] = await claims.update({ claimedAt: now }, { where, transaction })
    return won === 1
  }
}
