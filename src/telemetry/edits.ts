/** Letters to insert, remove, replace, or swap with their neighbour, to turn one text into another; exact up to two. */

/** The edits between a word and the part of a text that comes closest to it. */
export function editsToPart (text: string, word: string): number {
  return Math.min(...distances(text, word, () => 0))
}

/** The edits between a word and the run of neighbouring words, joined, that comes closest to it. */
export function editsToRun (words: string[], word: string): number {
  const ends: number[] = []
  for (const each of words) ends.push((ends.at(-1) ?? 0) + each.length)
  const starts = new Set([0, ...ends])
  const all = distances(words.join(''), word, (at, before) => starts.has(at) ? 0 : before + 1)
  return Math.min(...ends.map((end) => all[end]!))
}

/**
 * For each end in the text, the edits between the word and the best part of the text that ends there. Takes time that
 * grows with the length of the text.
 *
 * @param begin what it costs to begin at an offset, given the cost of the one before
 */
function distances (text: string, word: string, begin: (at: number, before: number) => number): number[] {
  const first: number[] = []
  for (let at = 0; at <= text.length; at++) first.push(begin(at, first.at(-1) ?? 0))
  const rows = [first]
  for (let row = 1; row <= word.length; row++) {
    const current = [row]
    const last = rows[row - 1]!
    const [letter, before] = [word[row - 1], word[row - 2]]
    for (let at = 1; at <= text.length; at++) {
      const here = text[at - 1]
      let cost = last[at - 1]! + (here === letter ? 0 : 1)
      if (last[at]! < cost) cost = last[at]! + 1
      if (current[at - 1]! < cost) cost = current[at - 1]! + 1
      // Two letters are swapped that end here; between them a letter may be too many or missing.
      if (here === before && text[at - 2] === letter) cost = Math.min(cost, rows[row - 2]![at - 2]! + 1)
      else if (here === before && text[at - 3] === letter) cost = Math.min(cost, rows[row - 2]![at - 3]! + 2)
      else if (here === word[row - 3] && text[at - 2] === letter) cost = Math.min(cost, rows[row - 3]![at - 2]! + 2)
      current.push(cost)
    }
    rows.push(current)
  }
  return rows.at(-1)!
}
