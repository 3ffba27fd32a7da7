// Every regular expression of the program on long hostile texts: none takes more than a second of the processor for 100 kB. They are found in
// the source, so that a new one is tried too. Those of templates have a limit of their own: regex-limit.test.ts.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createContext, Script } from 'node:vm';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const SOURCE = join(import.meta.dirname, '../../../src');
const LENGTH = 100_000;
const SECONDS = 1;
/** Milliseconds, on a busy machine too; what goes on for ever is cut. */
const WAIT = 5_000;

/** Of a text that is never long, with what bounds it. */
const BOUNDED: Readonly<Record<string, string>> = {};

const fill = (part: string): string => part.repeat(Math.ceil(LENGTH / part.length)).slice(0, LENGTH);
const PARTS = [
  'a', 'A', '0', '9', ' ', '\t', '\n', '\r', '\r\n', '.', ',', ':', ';', '-', '+', '_', '/', '\\', '\'', '"', '`', '(', ')', '[', ']', '{', '}', '<', '>', '*', '#', '@', '%', '$', '&', '=', '!', '?', '|', '\u00e9', '\u{1f600}', '\ud800',
  ' \n', 'a ', '0 ', 'a.', '0.', '1:', 'a,', '\'"', '()', '[]', '{}', '{{', '{%', '{#', '}}', '/*', '*/', '--', '\\\\', 'a=', '\\"', '0_', '::', '%%',
];
const TEXTS: readonly string[] = PARTS.map(fill);

interface Found { readonly where: string; readonly source: string; readonly flags: string }

function expressions(): Found[] {
  const found = new Map<string, Found>();
  const files = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts') && !path.startsWith('docs/site/'));
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
        if (source !== undefined && ts.isStringLiteralLike(source)) add(node, source.text, flags !== undefined && ts.isStringLiteralLike(flags) ? flags.text : '');
      }
      ts.forEachChild(node, visit);
    };
    visit(file);
  }
  return [...found.values()];
}

const context = createContext({ regexp: /x/, text: '' });
const search = new Script('regexp.lastIndex = 0; text.replace(regexp, "")');

/** Seconds of the processor that it takes to go through the text once; more than `WAIT` when it did not end. */
function seconds({ source, flags }: Found, text: string): number {
  Object.assign(context, { regexp: new RegExp(source, flags), text });
  const before = process.cpuUsage();
  try {
    search.runInContext(context, { timeout: WAIT });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

describe('regular expressions of the program', () => {
  const all = expressions();

  it(`end soon on texts of 100 kB: ${all.length} of them, ${TEXTS.length} texts`, { timeout: 600_000 }, () => {
    expect(all.length).toBeGreaterThan(400);
    const slow: string[] = [];
    for (const expression of all) {
      if (`/${expression.source}/${expression.flags}` in BOUNDED) continue;
      // The end that does not fit is what makes it go back.
      for (const [i, text] of TEXTS.entries()) {
        const took = [text, `${text}\u0000`, `x${text}\u0000`].map((tried) => seconds(expression, tried)).find((s) => s > SECONDS);
        if (took === undefined) continue;
        slow.push(`${expression.where} /${expression.source}/${expression.flags} takes ${took.toFixed(1)} s on ${JSON.stringify(PARTS[i])} again and again`);
        break;
      }
    }
    expect(slow).toEqual([]);
  });
});
