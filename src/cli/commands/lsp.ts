// lsp: a language server over stdin and stdout for an editor. It reads the project as `parse` does and connects to no
// database.
import { createConnection } from 'vscode-languageserver/node';
import { LanguageServer } from '../../lsp/language-server.ts';
import { environmentOf, now } from '../command-session.ts';
import type { ParsedCommand } from '../options.ts';

/** Never resolves: the client ends the process by the protocol. */
export function lspCommand({ options }: ParsedCommand): Promise<number> {
  const { settings: env, templates: templateEnv } = environmentOf(options);
  const connection = createConnection(process.stdin, process.stdout);
  const load = { cwd: process.cwd(), env, templateEnv, command: 'parse', options, now };
  new LanguageServer(connection, load).listen();
  return new Promise(() => undefined);
}
