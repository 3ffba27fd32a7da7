// The part of a load config with `replicate`: the table of another Postgres, and its slot and publication.
import { createHash } from 'node:crypto';
import type { LoadSettings } from '../../settings/load-settings.ts';

/** A table whose changes are read from the log of its server. */
export interface ReplicateConfig {
  readonly schema: string;
  readonly table: string;
  /** Tables of a connection may share one. */
  readonly slot: string;
  /** Identifies the loaded table in the names of temporary slots. */
  readonly digest: string;
  /** One that an administrator manages; null: the loader's, with the slot's name. */
  readonly publication: string | null;
  /** Bytes of the source's log that the slot may keep; null: any number. */
  readonly maxSlotLag: number | null;
  /** Whether a slot that keeps more is dropped. */
  readonly dropsSlot: boolean;
}

/** Postgres limits names to 63 bytes; the loader appends to them. */
const MOST_SLOT = 48;
const DIGEST = 8;

/** @param place the loaded table, which gives the slot its name @returns null: no table is replicated */
export function replicateConfig(
  { replicate, slot, publication, max_slot_lag: maxSlotLag, on_slot_lag: onSlotLag }: LoadSettings,
  { schema, identifier }: { readonly schema: string; readonly identifier: string },
): ReplicateConfig | null {
  if (replicate === null) return null;
  const { schema: from, name: table } = replicate;
  return {
    ...{ schema: from, table, slot: slot ?? slotOf(schema, identifier), publication },
    digest: digestOf(schema, identifier),
    ...{ maxSlotLag, dropsSlot: onSlotLag === 'drop' },
  };
}

function slotOf(schema: string, identifier: string): string {
  const name = `tsdbt_${schema}_${identifier}`.toLowerCase().replace(/[^a-z0-9_]/g, '_');
  if (name.length <= MOST_SLOT && name === `tsdbt_${schema}_${identifier}`) return name;
  return `${name.slice(0, MOST_SLOT - DIGEST - 1)}_${digestOf(schema, identifier)}`;
}

function digestOf(schema: string, identifier: string): string {
  return createHash('sha256').update(`${schema}.${identifier}`).digest('hex').slice(0, DIGEST);
}
