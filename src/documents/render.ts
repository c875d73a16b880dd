import { Marked, type Tokens } from 'marked'
import { DOCUMENTS, type RenderedDocument } from './names.js'

/** Turns a document of this repository into HTML. Its links lead to the documents that the platform shows, or nowhere. */
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
      image: ({ text }: Tokens.Image) => text
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
