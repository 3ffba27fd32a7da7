// Paths of a node's SQL files in target/, as in dbt.
import { posix } from 'node:path';
import type { GraphNode } from '../contracts/node.ts';

/**
 * @param targetPath as in the project, for example `target`
 * @param folder `compiled` or `run`
 * @param suffix start of a batch, for microbatch models
 * @returns relative to the project's folder unless `targetPath` is absolute
 */
export function writePath(node: GraphNode, targetPath: string, folder: 'compiled' | 'run', suffix?: string): string {
  const { path, original_file_path: file } = node;
  let below =
    node.resource_type === 'snapshot'
      ? `${file}/${node.name}.sql`
      : posix.basename(path) === posix.basename(file)
        ? file
        : `${file}/${path}`;
  if (suffix !== undefined) {
    const { dir, name, ext } = posix.parse(below);
    below = posix.join(dir, name, `${name}_${suffix}${ext}`);
  }
  // A source path or a package name could lead out of target/: its `..` segments are dropped.
  if (posix.normalize(`${folder}/${node.package_name}/${below}`).startsWith('../'))
    below = below
      .split('/')
      .filter((part) => part !== '..')
      .join('/');
  // Joined as Python does, which keeps the `./` of a hook's file.
  return [targetPath, folder, node.package_name, below].join('/');
}
