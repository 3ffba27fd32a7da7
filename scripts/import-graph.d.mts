// Types of import-graph.mjs, for the tests that use it.
export interface Import {
  target: string;
  kind: 'types' | 'run time' | 'later';
}
export function importsOf(path: string, text: string, root: string): Import[];
export function circles(graph: Map<string, Set<string>>): string[][];
export function graphsOf(sources: { name: string; imports: Import[] }[]): {
  files: Map<string, Set<string>>;
  typed: Map<string, Set<string>>;
  folders: Map<string, Set<string>>;
};
