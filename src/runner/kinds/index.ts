// Maps each command and resource type to the kind that runs it.
import { errorOf } from '../../error-table.ts';
import type { GraphNode, ModelNode } from '../../contracts/node.ts';
import { cloneKind } from './clone.ts';
import { dataTestKind } from './data-test.ts';
import { functionKind } from './function.ts';
import { microbatchKind } from './microbatch.ts';
import { modelKind } from './model.ts';
import { noOpKind } from './no-op.ts';
import { publicationKind } from './publication.ts';
import type { NodeKind } from '../node.ts';
import { seedKind } from './seed.ts';
import { compileKind, showKind } from './show.ts';
import { snapshotKind } from './snapshot.ts';
import { unitTestKind } from './unit-test.ts';

/**
 * @param which the command; freshness has its own kind
 * @param batched models that run batch by batch
 */
export function kindFor(which: string, batched: (model: ModelNode) => boolean): (node: GraphNode) => NodeKind {
  return (node) => chooseKind(which, node, batched) as NodeKind;
}

function chooseKind(which: string, node: GraphNode, batched: (model: ModelNode) => boolean): unknown {
  if (which === 'compile' || which === 'generate')
    return node.resource_type === 'function' ? { ...compileKind, compile: functionKind.compile } : compileKind;
  if (which === 'clone') return cloneKind;
  if (which === 'show') return node.resource_type === 'seed' ? seedKind : showKind;
  switch (node.resource_type) {
    case 'model':
      return batched(node) ? microbatchKind : modelKind;
    case 'seed':
      return seedKind;
    case 'snapshot':
      return snapshotKind;
    case 'test':
      return dataTestKind;
    case 'unit_test':
      return unitTestKind;
    case 'function':
      return functionKind;
    case 'publication':
      return publicationKind;
    case 'exposure':
    case 'saved_query':
      return noOpKind;
    default:
      throw errorOf('cannotRun', { type: node.resource_type, node: node.unique_id });
  }
}
