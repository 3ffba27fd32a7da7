// Which version of each selected publication stands at its receiver. Nothing is published or made.
import type { PublicationNode } from '../contracts/publication.ts';
import type { StandingCopy } from '../publish/receiver.ts';
import type { ParsedProject } from '../runner/parsed-project.ts';
import { select } from './select.ts';

export interface Copy {
  readonly publication: PublicationNode;
  /** Unique_id of what is published. */
  readonly of: string;
  /** Null: nothing of the publication stands there. */
  readonly standing: StandingCopy | null;
}

/** @throws {TsdbtError} when a receiver cannot be reached */
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
