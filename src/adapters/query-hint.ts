// Hints about mistakes in queries copied from an article or another database. Each dialect adds its own.

/** The rejected statement, with the position that the database reported: 1-based, in code points. */
export interface Refused {
  readonly sql: string;
  readonly position: number | undefined;
  readonly isSyntax: boolean;
}

const TYPOGRAPHIC = /[\u2018-\u201f\u00ab\u00bb\u00a0\u200b\ufeff]/;

/** Blanks out comments, so that positions in the text stay the same. */
export function withoutComments(sql: string): string {
  return sql.replace(/--.*|\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ' '));
}

export function queryHint({ sql, position, isSyntax }: Refused): string | undefined {
  const at = position === undefined ? undefined : [...sql].slice(position - 1, position)[0];
  if (isSyntax && at === ';')
    return 'Remove the semicolon: the query becomes a part of a larger statement, which it would end.';
  const mark = TYPOGRAPHIC.exec(withoutComments(sql));
  if (mark === null) return undefined;
  const code = `U+${mark[0].charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`;
  const [what, instead] = /[\u00a0\u200b\ufeff]/.test(mark[0])
    ? ['an invisible character', 'an ordinary space']
    : [`the typographic quote ${mark[0]}`, `' for a text or " for a name`];
  return `The SQL has ${what} (${code}), as word processors and web pages write it. Use ${instead}.`;
}
