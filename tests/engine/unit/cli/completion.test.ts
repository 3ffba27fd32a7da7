// Completion in shells: the script is read by bash itself; those of zsh and fish where these are installed.
import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { completionScript } from '../../../../src/cli/completion.ts';
import { COMMANDS } from '../../../../src/project/command-table.ts';

/** What bash offers for the last of the words. */
function offered(...words: string[]): string[] {
  const call = `COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _tsdbt`;
  const done = spawnSync(
    'bash',
    ['-c', `${completionScript('bash') ?? ''}\n${call}; printf '%s\\n' "\${COMPREPLY[@]}"`],
    {
      encoding: 'utf8',
    },
  );
  expect(done.stderr).toBe('');
  return done.stdout.trim().split('\n');
}

it.each<[string[], string[]]>([
  [['tsdbt', 'bu'], ['build']],
  [['tsdbt', '--debug', 'sna'], ['snapshot']],
  [
    ['tsdbt', 'docs', ''],
    ['generate', 'serve'],
  ],
  [
    ['tsdbt', 'docs', 'serve', '--po'],
    ['--port', '--populate-cache'],
  ],
  [['tsdbt', 'build', '--full'], ['--full-refresh']],
  [['tsdbt', 'build', '--no-par'], ['--no-partial-parse']],
  [
    ['tsdbt', 'db', 'sta'],
    ['start', 'status'],
  ],
  [
    ['tsdbt', 'ls', '--output', ''],
    ['json', 'name', 'path', 'selector', 'text'],
  ],
  [['tsdbt', 'run', '--indirect-selection', 'b'], ['buildable']],
  [
    ['tsdbt', 'completion', ''],
    ['bash', 'zsh', 'fish'],
  ],
])('bash completes %j', (words, expected) => {
  const found = offered(...words);
  expect(expected.filter((word) => !found.includes(word))).toEqual([]);
  if (words.at(-1) !== '') expect(found).toEqual(expected);
});

it.each(['zsh', 'fish'])('%s knows every command and every option', (shell) => {
  const script = completionScript(shell) ?? '';
  for (const { path, options } of COMMANDS) {
    expect(script).toContain(path.at(-1));
    for (const option of options.filter(({ hidden }) => hidden !== true)) {
      const long = option.names.find((name) => name.startsWith('--'));
      expect(script).toContain(shell === 'fish' ? ` -l ${long?.slice(2)} ` : `'${long}:`);
    }
  }
  if (spawnSync(shell, ['-c', 'true']).error !== undefined) return;
  expect(spawnSync(shell, ['-n', '-c', script], { encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
});

it('there is none for other shells', () => {
  expect(completionScript('csh')).toBeNull();
});
