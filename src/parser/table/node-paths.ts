// Derives name, fqn and path of the compiled text from the path of a node's file. Pure.
import type { SourceFile } from '../../contracts/project.ts';

/** `a/b/c.sql` and `a/b/c.sql.jinja` → `c`. */
export function baseName(path: string): string {
  const file = path.slice(path.lastIndexOf('/') + 1).replace(/\.(?:j2|jinja2|jinja)$/, '');
  const dot = file.lastIndexOf('.');
  return dot <= 0 ? file : file.slice(0, dot);
}

/** Package and folders of a path: the start of an fqn. */
export function fqnPrefix(packageName: string, path: string): string[] {
  const parts = path.split('/');
  parts.pop();
  return [packageName, ...parts];
}

/** `a/b/x.yml`, `name` → `a/b/name.sql`: path of the compiled text of a node without a file. */
export function pseudoPath(name: string, path: string): string {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? `${name}.sql` : `${path.slice(0, slash)}/${name}.sql`;
}

/** @returns the code as dbt reads it: without surrounding white space */
export function strippedContents(file: SourceFile): string {
  return file.contents.trim();
}
