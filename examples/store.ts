// The object store of an example. Its files stay in the project, and a script there starts it again.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildVersitygw } from '../scripts/versitygw.mjs';
import { S3Server } from '../tests/engine/support/s3-server.ts';
import type { Play, Stage } from './stage.ts';

/** Below the project. */
const SCRIPT = '.tsdbt/start-store.sh';

export async function startStore(stage: Stage, { dir, signal }: Play): Promise<S3Server> {
  await buildVersitygw((text) => stage.say(text), signal);
  const store = await new S3Server(join(dir, '.tsdbt', 'store')).start();
  stage.ends(
    {
      close: () => store.stop(),
      get ended() {
        return store.ended;
      },
    },
    'The object store',
  );
  const words = store.command.map((word) => `'${word.replaceAll("'", "'\\''")}'`);
  // Its command line has the keys.
  writeFileSync(join(dir, SCRIPT), `exec ${words.join(' ')}\n`, { mode: 0o600 });
  stage.say(`The store's files are kept in .tsdbt/store. After the play, this starts it again: sh ${SCRIPT}`);
  return store;
}
