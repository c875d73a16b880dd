import { Marked, type Tokens } from 'marked'
import { DOCUMENTS, type RenderedDocument } from './names.js'

/** Converts a document of this repository to HTML. Its links lead to documents that the platform shows, or nowhere. */
export function renderDocument (markdown: string): RenderedDocument {
  const marked = new Marked({
    renderer: {
      heading ({ tokens, depth, text }: Tokens.Heading) {
        return `<h${depth} id="${slug(text)}">${this.parser.parseInline(tokens)}</h${depth}>\n`
      },
      link ({ href, tokens }: Tokens.Link) {
        const text = this.parser.parseInline(tokens)
        const target = targetOf(href)
        return target === undefined ? text : `<a href="${target}">${text}</a>`
      },
      image: ({ text }: Tokens.Image) => text,
      // On a narrow screen the cells are stacked, each with its heading.
      table ({ header, rows }: Tokens.Table) {
        const inline = ({ tokens }: Tokens.TableCell) => this.parser.parseInline(tokens)
        const labels = header.map((cell) => inline(cell).replace(/<[^>]*>/g, '').replaceAll('"', '&quot;'))
        const cells = (row: Tokens.TableCell[]) => row.map((cell, index) => (
          cell.text === '' ? '<td></td>' : `<td data-label="${labels[index]}">${inline(cell)}</td>`))
        const headings = header.map((cell) => `<th scope="col">${inline(cell)}</th>`)
        return `<table><thead><tr>${headings.join('')}</tr></thead>` +
          `<tbody>${rows.map((row) => `<tr>${cells(row).join('')}</tr>`).join('\n')}</tbody></table>\n`
      }
    }
  })
  return {
    title: /^# (.+)$/m.exec(markdown)?.[1] ?? 'Document',
    html: marked.parse(markdown.replace(/<!--[^]*?-->\n?/g, ''), { async: false })
  }
}

function targetOf (href: string): string | undefined {
  if (/^(https:|#)/.test(href)) return href
  const [, name, anchor = ''] = /^([a-z-]+)\.md(#.*)?$/.exec(href) ?? []
  return DOCUMENTS.some((each) => each === name) ? `/documents/${name}${anchor}` : undefined
}

/** The anchor of a heading, as GitHub makes it: the documents are read there, too. */
function slug (text: string): string {
  return text.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-')
}
