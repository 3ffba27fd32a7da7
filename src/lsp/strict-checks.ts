// Checks of a saved file by the local engine: its nodes, their tests, and the models that read them directly.
import { join } from 'node:path';
import { TsdbtError } from '../errors.ts';
import { checkPolicies, checkProject, type Finding, type ParsedProject } from '../index.ts';
import { nodesOf } from './column-at.ts';

/** Nodes that are checked after one change. */
const MOST_CHECKED = 100;

/** The nodes that a change of a file can break. */
export function affectedNodes(parsed: ParsedProject, path: string): Set<string> {
  const { nodes, child_map } = parsed.manifest;
  const roots = new Map(parsed.config.packages.map((each) => [each.project_name, each.project_root]));
  const described = Object.values(nodes).flatMap(({ unique_id: id, patch_path }) => {
    const [packageName = '', file] = patch_path?.split('://') ?? [];
    return file !== undefined && join(roots.get(packageName) ?? '', file) === path ? id : [];
  });
  const own = path.endsWith('.sql') ? nodesOf(parsed, path) : described;
  const readers = own.flatMap((id) => child_map[id] ?? []);
  const checked = [...own, ...readers].filter((id) => /^(?:model|snapshot|test)\./.test(id));
  return new Set(checked.slice(0, MOST_CHECKED));
}

/** Runs one check at a time; of several that wait, only the last one. */
export class StrictChecks {
  #running: Promise<void> = Promise.resolve();
  #last = 0;
  #missing = false;
  readonly #note: (text: string) => void;

  /** @param note called once if the local engine cannot be used */
  constructor(note: (text: string) => void) {
    this.#note = note;
  }

  /** @param show called with the mistakes in the nodes, unless another check was requested meanwhile */
  check(parsed: ParsedProject, ids: ReadonlySet<string>, show: (errors: readonly TsdbtError[]) => void): void {
    const request = ++this.#last;
    this.#running = this.#running.then(async () => {
      if (request !== this.#last || this.#missing || ids.size === 0) return;
      try {
        const { findings } = await checkProject(parsed, ids);
        const violations = await violationsOf(parsed, ids);
        if (request === this.#last) show([...findings, ...violations].map(({ error }) => error));
      } catch (error) {
        this.#missing = error instanceof TsdbtError;
        this.#note(`Strict checks are off: ${error instanceof Error ? error.message : String(error)}`);
      }
    });
  }
}

/** Without the parser of column lineage, or with an invalid policies.yml, only the local engine's checks are shown. */
async function violationsOf(parsed: ParsedProject, ids: ReadonlySet<string>): Promise<readonly Finding[]> {
  try {
    return (await checkPolicies(parsed, ids))?.findings ?? [];
  } catch (error) {
    if (error instanceof TsdbtError) return [];
    throw error;
  }
}
