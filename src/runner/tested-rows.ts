// Makes sure that publications with `when: green` publish the rows that were tested: another run may rebuild the model
// between the tests and the publication. The rows are identified by a mark taken after the node was built.
import type { Session } from '../adapters/adapter.ts';
import { relationFrom } from '../context/relations.ts';
import type { GraphNode, ManifestNode } from '../contracts/node.ts';
import { TsdbtError } from '../errors.ts';
import type { PublishSource } from '../publish/publication-target.ts';
import type { RunContext } from './context.ts';

/** The rows are not those that were tested. */
export class OtherRows extends Error {}

/**
 * Whether a publication waits for tests of the node's rows. Not for a view: the rows that it reads can change at any
 * time.
 */
export function isHeldToTests({ manifest }: RunContext, node: GraphNode): node is ManifestNode {
  const { unique_id: id } = node;
  const isGreen = Object.values(manifest.publications ?? {}).some(
    ({ config, depends_on }) => config.when === 'green' && depends_on.nodes[0] === id,
  );
  if (!isGreen || !('materialized' in node.config) || node.config.materialized === 'view') return false;
  return Object.values(manifest.nodes).some(
    (test) => test.resource_type === 'test' && (test.attached_node ?? test.depends_on.nodes[0]) === id,
  );
}

/**
 * Records the mark of a node's current rows before its tests begin. If it cannot be read, the publication reports that.
 */
export async function noteBuilt(ctx: RunContext, node: ManifestNode, session: Session): Promise<void> {
  try {
    ctx.built.set(node.unique_id, await markOf(ctx, node, session));
  } catch (error) {
    if (!(error instanceof TsdbtError)) throw error;
  }
}

/** Checks that a source still has the recorded rows before it is read. Uses the source's session. */
export function holdToTested(ctx: RunContext, node: ManifestNode, source: PublishSource, session: Session): void {
  const noted = ctx.built.get(node.unique_id);
  if (noted === undefined) return;
  const open = source.open.bind(source);
  source.open = async () => {
    await open();
    if ((await markOf(ctx, node, session)) !== noted) throw new OtherRows();
  };
}

async function markOf({ adapter, config }: RunContext, node: ManifestNode, session: Session): Promise<string> {
  const { createSource } = await import('../publish/create-target.ts');
  const source = createSource(adapter, session, relationFrom(adapter, config.project.quoting, node));
  const columns = (await source.columns()).map(({ name }) => ({ name, expression: `t.${source.quote(name)}` }));
  return (await source.summary([], columns)).mark;
}
