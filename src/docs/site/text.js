// Texts as HTML: escaping, the Markdown that descriptions use, and colours for SQL with Jinja. Knows nothing of the
// data.
'use strict';

const escapeHtml = (text) => String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

/** Whether two words differ by one letter at most: another one, one more, one less, or two that changed places. */
function isNear(a, b) {
  if (Math.abs(a.length - b.length) > 1) return false;
  let i = 0;
  while (i < a.length && a[i] === b[i]) i += 1;
  const rest = (from, to) => a.slice(i + from) === b.slice(i + to);
  return rest(0, 0) || rest(1, 1) || rest(1, 0) || rest(0, 1) || (a[i] === b[i + 1] && a[i + 1] === b[i] && rest(2, 2));
}

/** A link's address if a browser may follow it: never a script. */
const safeUrl = (url) =>
  /^(https?:|mailto:|#|\/|\.|[\w-]+(\/|\.|$))/i.test(url) && !/^\s*(javascript|data|vbscript):/i.test(url) ? url : '#';

/** What stands inside a line; `text` is already escaped. */
function inlineMarkdown(text) {
  const kept = [];
  const keep = (html) => `\u0000${kept.push(html) - 1}\u0000`;
  return text
    .replace(/(`+)(.+?)\1/g, (_, _ticks, code) => keep(`<code>${code}</code>`))
    .replace(/!\[([^\]]*)\]\(([^)\s]+)[^)]*\)/g, (_, alt, url) => keep(`<img alt="${alt}" src="${safeUrl(url)}">`))
    .replace(
      /\[([^\]]+)\]\(([^)\s]+)[^)]*\)/g,
      (_, label, url) => `${keep(`<a href="${safeUrl(url)}" rel="noopener">`)}${label}${keep('</a>')}`,
    )
    .replace(/\bhttps?:\/\/[^\s<)\]]+[^\s<)\].,;]/g, (url) => keep(`<a href="${url}" rel="noopener">${url}</a>`))
    .replace(/\*\*(.+?)\*\*|__(?=\S)(.+?)__(?!\w)/g, (_, a, b) => `<strong>${a ?? b}</strong>`)
    .replace(/(^|[^\w*])[*_](?=\S)([^*_]+?)[*_](?!\w)/g, '$1<em>$2</em>')
    .replace(/~~(.+?)~~/g, '<del>$1</del>')
    .replace(/\u0000(\d+)\u0000/g, (_, i) => kept[Number(i)].replace(/\u0000(\d+)\u0000/g, (__, j) => kept[Number(j)]));
}

/** Headings, lists, tables, quotes, fences and paragraphs. */
function markdown(source) {
  const lines = String(source).replace(/\r\n?/g, '\n').split('\n');
  const out = [];
  let i = 0;
  const starts = (line) => /^\s*$|^#{1,6} |^```|^~~~|^\s*([-*+]|\d+[.)]) |^> ?|^\s*\|.*\|/.test(line);
  while (i < lines.length) {
    const line = lines[i];
    let m;
    if (/^\s*$/.test(line)) i += 1;
    else if ((m = /^(```|~~~)/.exec(line))) {
      const from = ++i;
      while (i < lines.length && !lines[i].startsWith(m[1])) i += 1;
      out.push(`<pre tabindex="0"><code>${colourSql(lines.slice(from, i).join('\n'))}</code></pre>`);
      i += 1;
    } else if ((m = /^(#{1,6}) +(.*?)#*$/.exec(line))) {
      const level = Math.min(6, m[1].length + 1);
      out.push(`<h${level}>${inlineMarkdown(escapeHtml(m[2]))}</h${level}>`);
      i += 1;
    } else if (/^\s*(---+|\*\*\*+|___+)\s*$/.test(line)) {
      out.push('<hr>');
      i += 1;
    } else if (/^> ?/.test(line)) {
      const from = i;
      while (i < lines.length && /^> ?/.test(lines[i])) i += 1;
      out.push(
        `<blockquote>${markdown(
          lines
            .slice(from, i)
            .map((l) => l.replace(/^> ?/, ''))
            .join('\n'),
        )}</blockquote>`,
      );
    } else if (/^\s*\|.*\|/.test(line) && /^\s*\|?[\s:|-]+\|?\s*$/.test(lines[i + 1] ?? '')) {
      const cells = (row) =>
        row
          .trim()
          .replace(/^\||\|$/g, '')
          .split('|')
          .map((c) => inlineMarkdown(escapeHtml(c.trim())));
      const head = cells(line);
      const rows = [];
      i += 2;
      while (i < lines.length && /\|/.test(lines[i])) rows.push(cells(lines[i++]));
      const titles = head.map((c) => `<th>${c}</th>`).join('');
      const body = rows.map((r) => `<tr>${r.map((c) => `<td>${c}</td>`).join('')}</tr>`).join('');
      out.push(`<table><thead><tr>${titles}</tr></thead><tbody>${body}</tbody></table>`);
    } else if ((m = /^(\s*)([-*+]|\d+[.)]) +/.exec(line))) {
      const ordered = /\d/.test(m[2]);
      const depth = m[1].length;
      const items = [];
      while (i < lines.length) {
        const item = /^(\s*)([-*+]|\d+[.)]) +(.*)$/.exec(lines[i]);
        if (item && item[1].length <= depth + 1) items.push([item[3]]);
        else if (items.length > 0 && /^\s+\S/.test(lines[i]))
          items[items.length - 1].push(lines[i].slice(Math.min(depth + 2, lines[i].search(/\S/))));
        else break;
        i += 1;
      }
      const tag = ordered ? 'ol' : 'ul';
      const content = (text) =>
        text.length === 1
          ? inlineMarkdown(escapeHtml(text[0]))
          : markdown(text.join('\n')).replace(/^<p>(.*?)<\/p>/s, '$1');
      out.push(`<${tag}>${items.map((text) => `<li>${content(text)}</li>`).join('')}</${tag}>`);
    } else {
      const from = i++;
      while (i < lines.length && !starts(lines[i])) i += 1;
      out.push(`<p>${inlineMarkdown(escapeHtml(lines.slice(from, i).join('\n')))}</p>`);
    }
  }
  return out.join('\n');
}

const SQL_WORDS = new Set(
  [
    'select from where group by having order limit offset with recursive as on using join left right full',
    'inner outer cross lateral union all except intersect distinct case when then else end and or not in is',
    'null true false between like ilike exists any some over partition rows range window filter within cast',
    'insert into values update set delete create replace table view materialized temporary index primary key',
    'references constraint check default returning asc desc nulls first last interval timestamp date extract',
    'epoch do',
  ]
    .join(' ')
    .split(' '),
);

/** SQL, Jinja tags included, as HTML with classes k (word), s (string), n (number), c (comment), j (Jinja). */
function colourSql(source) {
  const token = new RegExp(
    [
      /(\{#[\s\S]*?#\}|--[^\n]*|\/\*[\s\S]*?\*\/)/,
      /(\{\{[\s\S]*?\}\}|\{%[\s\S]*?%\})/,
      /('(?:[^'\\]|''|\\.)*')/,
      /(\b\d+(?:\.\d+)?\b)/,
      /([A-Za-z_][\w$]*)/,
      /("(?:[^"]|"")*")/,
      /([\s\S])/,
    ]
      .map((kind) => kind.source)
      .join('|'),
    'g',
  );
  let out = '';
  for (const [all, comment, jinja, string, number, word] of source.matchAll(token)) {
    const text = escapeHtml(all);
    const kind = comment
      ? 'c'
      : jinja
        ? 'j'
        : string
          ? 's'
          : number
            ? 'n'
            : word && SQL_WORDS.has(word.toLowerCase())
              ? 'k'
              : '';
    out += kind ? `<span class="${kind}">${text}</span>` : text;
  }
  return out;
}
