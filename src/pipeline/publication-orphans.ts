// Lists orphaned files of published copies, which no version references, for each selected publication whose target
// keeps versions.
import type { PublicationNode } from '../contracts/publication.ts';
import type { Orphan, OrphanSearch } from '../publish/publication-target.ts';
import type { ParsedProject } from '../runner/parsed-project.ts';
import { select } from './select.ts';

export interface OrphansOfCopy {
  readonly publication: PublicationNode;
  readonly orphans: readonly Orphan[];
}

/**
 * @returns the copies that may have orphans; other targets remove theirs automatically
 * @throws {TsdbtError} if a target cannot be reached
 */
export async function orphansOfCopies(parsed: ParsedProject, search: OrphanSearch): Promise<OrphansOfCopy[]> {
  const found: OrphansOfCopy[] = [];
  for (const id of [...select(parsed, { which: 'publish' }).selected].sort()) {
    const publication = parsed.manifest.publications?.[id];
    if (publication === undefined) continue;
    const receiver = await parsed.receivers.of(publication);
    if (receiver.orphans !== undefined)
      found.push({ publication, orphans: await receiver.orphans(publication, search) });
  }
  return found;
}
