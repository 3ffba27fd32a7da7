// Compares manifests with dbt's on random projects: npm run oracle -- fuzz-parse [first seed] [projects] [--minutes N]
// [--keep FOLDER] [--errors] Needs no database. Prints where the two differ, one example a place; --errors also
// projects that only one of the two refuses; --keep leaves the projects that differ. Exit code 1 when there is a
// difference. The projects are project.mjs's.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { comparable, differences } from '../compare-manifests.mjs';
import { Dbt, ENV, seeds, writeProject } from './dbt.mjs';
import { makeProject } from './project.mjs';
import { root } from '../support/servers.mjs';

const args = process.argv.slice(2);
const keep = args.includes('--keep') ? args[args.indexOf('--keep') + 1] : null;
const work = mkdtempSync(join(tmpdir(), 'fuzz-parse-'));
const dbt = new Dbt();
const places = new Map();
const counts = { compared: 0, refused: 0, differ: 0 };
try {
  for (const seed of seeds(args)) {
    const { files } = makeProject(seed);
    const dir = join(work, 'project');
    writeProject(dir, files);
    const { error } = await dbt.ask({ dir });
    const manifest = join(dir, 'target', 'manifest.json');
    const theirs = error === null ? JSON.parse(readFileSync(manifest, 'utf8')) : null;
    rmSync(join(dir, 'target'), { recursive: true, force: true });
    const done = spawnSync(
      process.execPath,
      [join(root, 'bin', 'tsdbt.js'), 'parse', '--profiles-dir', dir, '--project-dir', dir],
      { cwd: dir, encoding: 'utf8', env: { ...process.env, ...ENV } },
    );
    const ours = existsSync(manifest) ? JSON.parse(readFileSync(manifest, 'utf8')) : null;
    const found = [];
    if (theirs === null || ours === null) {
      if (theirs === null) counts.refused++;
      if ((theirs === null) !== (ours === null))
        found.push({
          group: `refused by ${ours === null ? 'us' : 'dbt'}`,
          at: '',
          ours: done.stdout.slice(-1200),
          theirs: error,
        });
    } else {
      counts.compared++;
      for (const { path, ours: a, theirs: b } of differences(comparable(ours), comparable(theirs))) {
        found.push({
          group:
            path.length > 2
              ? [path[0], path[1].split('.')[0], ...path.slice(2).map((part) => part.replace(/^\d+$/, '#'))].join('.')
              : path[0],
          at: path.join(' / '),
          ours: a,
          theirs: b,
        });
      }
    }
    if (found.length === 0) continue;
    counts.differ++;
    if (keep !== null) cpSync(dir, join(keep, String(seed)), { recursive: true });
    for (const one of found) {
      const known = places.get(one.group);
      if (known === undefined) places.set(one.group, { ...one, seed, times: 1 });
      else known.times++;
    }
  }
} finally {
  dbt.close();
  rmSync(work, { recursive: true, force: true });
}
const short = (value) => {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '(absent)');
  return text.length > 600 ? `${text.slice(0, 600)}…` : text;
};
for (const [group, { at, ours, theirs, seed, times }] of places)
  console.log(`${times}× ${group}\n  seed ${seed} ${at}\n  ours ${short(ours)}\n  dbt  ${short(theirs)}`);
console.log(
  `${counts.compared} manifests compared, ${counts.refused} projects refused by dbt, ${counts.differ} projects differ`,
);
process.exitCode = counts.differ > 0 || counts.compared === 0 ? 1 : 0;
