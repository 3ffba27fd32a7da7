// Methods of node selection that compare with an earlier run: `result:`, `source_status:`, `state:new` and `state:old`. The finer
// comparisons of `state:modified` are refused by name until they exist.
import type { Manifest } from '../contracts/manifest.ts';
import type { GraphNode } from '../contracts/node.ts';
import { TsdbtError } from '../errors.ts';

interface SourceAge { readonly unique_id: string; readonly max_loaded_at?: string | null }

/** Artifacts of an earlier run, from the `--state` folder; `current` is this target's own. */
export interface PreviousState {
  readonly manifest?: Manifest | undefined;
  readonly results?: readonly { readonly unique_id: string; readonly status: string }[] | undefined;
  readonly sources?: readonly SourceAge[] | undefined;
  readonly currentSources?: readonly SourceAge[] | undefined;
}

type Matcher = (node: GraphNode, id: string) => boolean;

const MODIFIED = ['modified', 'unmodified', 'modified.body', 'modified.configs', 'modified.persisted_descriptions', 'modified.relation', 'modified.macros', 'modified.contract'];

/** `state:VALUE`. */
export function stateMatches(value: string, _manifest: Manifest, previous: PreviousState | undefined): Matcher {
  const before = previous?.manifest;
  if (before === undefined) throw new TsdbtError('selector', 'Got a state selector method, but no comparison manifest');
  const groups = [before.nodes, before.sources, before.exposures, before.metrics, before.semantic_models, before.unit_tests, before.saved_queries, before.functions];
  const existed = (id: string): boolean => groups.some((group) => Object.hasOwn(group, id));
  if (value === 'new') return (_node, id) => !existed(id);
  if (value === 'old') return (_node, id) => existed(id);
  if (MODIFIED.includes(value)) throw new TsdbtError('selector', `The selector "state:${value}" is not part of this version yet.`);
  throw new TsdbtError('selector', `Got an invalid selector "${value}", expected one of "[${['new', 'old', ...MODIFIED].map((name) => `'${name}'`).join(', ')}]"`);
}

/** `result:VALUE`. */
export function resultMatches(value: string, previous: PreviousState | undefined): Matcher {
  if (previous?.results === undefined) throw new TsdbtError('selector', 'No comparison run_results');
  const found = new Set(previous.results.filter((result) => result.status === value).map((result) => result.unique_id));
  return (_node, id) => found.has(id);
}

/** `source_status:fresher`. */
export function sourceStatusMatches(value: string, previous: PreviousState | undefined): Matcher {
  if (previous?.sources === undefined) throw new TsdbtError('selector', 'No previous state comparison freshness results in sources.json');
  if (previous.currentSources === undefined) throw new TsdbtError('selector', 'No current state comparison freshness results in sources.json');
  const found = new Set<string>();
  if (value === 'fresher') {
    const before = new Map(previous.sources.map((source) => [source.unique_id, source.max_loaded_at]));
    for (const { unique_id: id, max_loaded_at: now } of previous.currentSources) {
      const then = before.get(id);
      if (now != null && (then == null ? !before.has(id) : now > then)) found.add(id);
    }
  }
  return (_node, id) => found.has(id);
}
