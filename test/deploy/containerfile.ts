import { readFileSync } from 'node:fs'

export interface Instruction {
  name: string
  /** Without the flags. */
  text: string
  flags: Record<string, string>
}

export interface Stage {
  name: string
  from: string
  instructions: Instruction[]
}

/** Reads deploy/Containerfile: its stages in order, each with its instructions. */
export function readContainerfile (): Stage[] {
  const stages: Stage[] = []
  for (const instruction of instructions(readFileSync('deploy/Containerfile', 'utf8'))) {
    const [from, name] = instruction.text.split(' AS ')
    if (instruction.name === 'FROM') stages.push({ name: name!, from: from!, instructions: [] })
    else stages.at(-1)!.instructions.push(instruction)
  }
  return stages
}

function instructions (text: string): Instruction[] {
  return text.replaceAll('\\\n', '').split('\n').filter((line) => line && !line.startsWith('#')).map((line) => {
    const [, name, flags, rest] = /^([A-Z]+) ((?:--\S+ )*)(.*)$/.exec(line)!
    return {
      name: name!,
      text: rest!,
      flags: Object.fromEntries([...flags!.matchAll(/--([a-z-]+)=(\S+)/g)].map(([, flag, value]) => [flag, value]))
    }
  })
}

/** All instructions of a stage: those of its base stage, then its own. */
export function inherited (stages: Stage[], name: string): Instruction[] {
  const stage = stages.find((each) => each.name === name)
  return stage ? [...inherited(stages, stage.from), ...stage.instructions] : []
}

/** The last instruction with a name. */
export function last (list: Instruction[], name: string): string {
  return list.findLast((instruction) => instruction.name === name)!.text
}

/** The variables of all ENV instructions. */
export function environmentOf (list: Instruction[]): Record<string, string> {
  const pairs = list.filter(({ name }) => name === 'ENV').flatMap(({ text }) => text.split(' '))
  return Object.fromEntries(pairs.map((pair) => pair.split(/=(.*)/s) as [string, string]))
}
