// Every regular expression of the program on long hostile texts: none takes more than a second of the processor for 100
// kB. They are found in the source, so that a new one is tried too. Those of templates have a limit of their own:
// regex-limit.test.ts.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createContext, Script } from 'node:vm';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const SOURCE = join(import.meta.dirname, '../../../src');
const LENGTH = 100_000;
const SECONDS = 1;
/** Milliseconds, many more than the seconds above on a busy machine; what goes on for ever is cut. */
const WAIT = 60_000;

/** Of a text that is never long, with what bounds it. */
const BOUNDED: readonly (readonly [file: string, start: string])[] = [
  // One environment variable; signatures of this program; the head of an insert into the embedded server.
  ['secrets.ts', '^[a-z+.-]*:?'],
  ['values/callable.ts', String.raw`\s*=\s*(.*)`],
  ['adapters/clickhouse/embedded-http.ts', '^([\\s\\S]*?)(\\s+settings'],
  // The last characters before a comment.
  ['adapters/clickhouse/sql-tokens.ts', String.raw`(?:^|[^\w$])\.?\d`],
  // Numbers as they are printed; the folder of the project.
  ['values/format-number.ts', '\\.?0'],
  ['project/project.ts', '(.)'],
  // A text that another expression has found to be whole; a type.
  ['loader/formats/values/column-check.ts', '"('],
  ['loader/postgres/existing-table.ts', '\\('],
];

const fill = (part: string, length: number): string => part.repeat(Math.ceil(length / part.length)).slice(0, length);
const PARTS = [
  'a',
  'A',
  '0',
  '9',
  ' ',
  '\t',
  '\n',
  '\r',
  '\r\n',
  '.',
  ',',
  ':',
  ';',
  '-',
  '+',
  '_',
  '/',
  '\\',
  "'",
  '"',
  '`',
  '(',
  ')',
  '[',
  ']',
  '{',
  '}',
  '<',
  '>',
  '*',
  '#',
  '@',
  '%',
  '$',
  '&',
  '=',
  '!',
  '?',
  '|',
  '\u00e9',
  '\u{1f600}',
  '\ud800',
  ' \n',
  'a ',
  '0 ',
  'a.',
  '0.',
  '1:',
  'a,',
  '\'"',
  '()',
  '[]',
  '{}',
  '{{',
  '{%',
  '{#',
  '}}',
  '/*',
  '*/',
  '--',
  '\\\\',
  'a=',
  '\\"',
  '0_',
  '::',
  '%%',
];

interface Found {
  readonly where: string;
  readonly source: string;
  readonly flags: string;
}

function expressions(): Found[] {
  const found = new Map<string, Found>();
  const files = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' }).filter(
    (path) => path.endsWith('.ts') && !path.startsWith('docs/site/'),
  );
  for (const path of files) {
    const file = ts.createSourceFile(path, readFileSync(join(SOURCE, path), 'utf8'), ts.ScriptTarget.Latest, true);
    const add = (node: ts.Node, source: string, flags: string): void => {
      const { line } = file.getLineAndCharacterOfPosition(node.getStart());
      found.set(`/${source}/${flags}`, { where: `${path}:${line + 1}`, source, flags });
    };
    const visit = (node: ts.Node): void => {
      if (ts.isRegularExpressionLiteral(node)) {
        const end = node.text.lastIndexOf('/');
        add(node, node.text.slice(1, end), node.text.slice(end + 1));
      } else if (ts.isNewExpression(node) && node.expression.getText() === 'RegExp') {
        const [source, flags] = node.arguments ?? [];
        if (source !== undefined && ts.isStringLiteralLike(source))
          add(node, source.text, flags !== undefined && ts.isStringLiteralLike(flags) ? flags.text : '');
      }
      ts.forEachChild(node, visit);
    };
    visit(file);
  }
  return [...found.values()];
}

/** The end that does not fit is what makes it go back. */
const variants = (length: number, part: string): string[] => {
  const text = fill(part, length);
  return [text, `x${text}\u0000`, `${text}\u0000`, `%${text}\u0000`];
};
const search = new Script('for (const text of texts) { regexp.lastIndex = 0; text.replace(regexp, ""); }');
const context = createContext({ regexp: /x/, texts: [] });

/**
 * Seconds of the processor that it takes to go through the texts once; more than a second in any case when it did not
 * end.
 */
function seconds({ source, flags }: Found, texts: readonly string[]): number {
  Object.assign(context, { regexp: new RegExp(source, flags), texts });
  const before = process.cpuUsage();
  let least = 0;
  try {
    search.runInContext(context, { timeout: WAIT });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
    least = WAIT / 1000;
  }
  const { user, system } = process.cpuUsage(before);
  return Math.max(least, (user + system) / 1e6);
}

/** Whether it takes too long each time: once, it may be the machine. */
function isSlow(expression: Found, texts: readonly string[]): boolean {
  for (let attempt = 0; attempt < 3; attempt++) if (seconds(expression, texts) <= SECONDS) return false;
  return true;
}

describe('the regular expressions of the program', () => {
  const all = expressions();

  it(`match texts of 100 kB quickly: ${all.length} of them, ${PARTS.length * 4} texts`, { timeout: 600_000 }, () => {
    expect(all.length).toBeGreaterThan(400);
    const short = PARTS.flatMap((part) => variants(LENGTH / 20, part));
    const slow: string[] = [];
    for (const expression of all) {
      const name = `/${expression.source}/${expression.flags}`;
      // What takes no time for short texts, all of them together, takes little for long ones.
      if (
        BOUNDED.some(
          ([file, start]) => expression.where.startsWith(`${file}:`) && expression.source.startsWith(start),
        ) ||
        seconds(expression, short) < 0.01
      )
        continue;
      const part = PARTS.find((tried) => isSlow(expression, variants(LENGTH, tried)));
      if (part !== undefined) slow.push(`${expression.where} ${name} on ${JSON.stringify(part)} again and again`);
    }
    expect(slow).toEqual([]);
  });
});
