// Texts as HTML: escaping, Markdown by markdown-it, and colours for SQL with Jinja. Knows nothing of the data.
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

/** Markdown without raw HTML. Its links and images are only those that `validateLink` lets through: no scripts. */
const mark = globalThis.markdownit({ html: false, linkify: true });
mark.linkify.set({ fuzzyLink: false, fuzzyEmail: false });
// The page has the only heading of the first level.
for (const rule of ['heading_open', 'heading_close'])
  mark.renderer.rules[rule] = (tokens, i, options, _env, self) => {
    tokens[i].tag = `h${Math.min(6, Number(tokens[i].tag.slice(1)) + 1)}`;
    return self.renderToken(tokens, i, options);
  };
mark.renderer.rules.link_open = (tokens, i, options, _env, self) => {
  tokens[i].attrSet('rel', 'noopener');
  return self.renderToken(tokens, i, options);
};
for (const rule of ['fence', 'code_block'])
  mark.renderer.rules[rule] = (tokens, i) =>
    `<pre tabindex="0"><code>${colourSql(tokens[i].content.replace(/\n$/, ''))}</code></pre>\n`;

const markdown = (source) => mark.render(String(source));
/** What is inside a line: no paragraphs, lists or tables. */
const inlineMarkdown = (source) => mark.renderInline(String(source));

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
