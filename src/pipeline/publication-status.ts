// Reads which version of each selected publication its target has. Changes nothing.
import type { PublicationNode } from '../contracts/publication.ts';
import type { StandingCopy } from '../publish/publication-target.ts';
import type { ParsedProject } from '../runner/parsed-project.ts';
import { select } from './select.ts';

export interface Copy {
  readonly publication: PublicationNode;
  /** unique_id of the published node. */
  readonly of: string;
  /** Null: the target has no version of the publication. */
  readonly standing: StandingCopy | null;
}

/** @throws {TsdbtError} if a target cannot be reached */
export async function copiesOf(parsed: ParsedProject): Promise<Copy[]> {
  const copies: Copy[] = [];
  for (const id of [...select(parsed, { which: 'publish' }).selected].sort()) {
    const publication = parsed.manifest.publications?.[id];
    if (publication === undefined) continue;
    const receiver = await parsed.receivers.of(publication);
    const [of = ''] = publication.depends_on.nodes;
    copies.push({ publication, of, standing: await receiver.standing(publication) });
  }
  return copies;
}
