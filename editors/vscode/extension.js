// Connects VS Code to `tsdbt lsp`. All knowledge is in the server.
const { existsSync } = require('node:fs');
const { join } = require('node:path');
const { commands, window, workspace } = require('vscode');
const { LanguageClient } = require('vscode-languageclient/node');

let client;

/** The command of the setting, or else that of the folder's packages, or else the one on the PATH. */
function commandOf(folder) {
  const [command, ...first] = workspace.getConfiguration('tsdbt').get('command', []);
  if (command !== undefined) return [command, first];
  const name = process.platform === 'win32' ? 'tsdbt.cmd' : 'tsdbt';
  const local = folder === undefined ? '' : join(folder, 'node_modules', '.bin', name);
  return [existsSync(local) ? local : 'tsdbt', []];
}

async function start() {
  const folder = workspace.workspaceFolders?.[0]?.uri.fsPath;
  const settings = workspace.getConfiguration('tsdbt');
  const [command, first] = commandOf(folder);
  const args = [...first, 'lsp', ...settings.get('arguments', [])];
  client = new LanguageClient(
    'tsdbt',
    'tsdbt',
    { command, args, options: { cwd: folder, shell: process.platform === 'win32' } },
    {
      documentSelector: [{ scheme: 'file', pattern: '**/*.{sql,yml,yaml,md}' }],
      initializationOptions: { strict: settings.get('strict', true) },
      synchronize: { fileEvents: workspace.createFileSystemWatcher('**/*.{sql,yml,yaml,md,csv}') },
    },
  );
  try {
    await client.start();
  } catch (error) {
    window.showErrorMessage(`tsdbt does not start: ${error.message}. Set tsdbt.command to the command that starts it.`);
  }
}

exports.activate = async (context) => {
  const restart = async () => {
    await client?.stop();
    await start();
  };
  context.subscriptions.push(commands.registerCommand('tsdbt.restart', restart));
  await start();
};

exports.deactivate = () => client?.stop();
