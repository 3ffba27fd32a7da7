// The header of messages from Confluent's serializers: the magic byte 0 and the id of a schema in a registry. Caches
// what json-schema.ts and formats/avro/avro-decoder.ts compile from each schema.
import { PoisonMessage } from './message-decoder.ts';
import { type RegisteredSchema, type SchemaRegistry, SchemaTooLarge, sizeOf } from './schema-registry.ts';

export const MAGIC = 0;
/** Start of the message itself. */
export const HEAD_BYTES = 5;
const MAX_SCHEMAS = 1000;
/** Maximum characters of all cached schemas: a compiled one takes many times its text. */
const MAX_KEPT = 8 * 1024 * 1024;
/** How long an id that is missing in the registry is not requested again. */
const UNKNOWN_MS = 30_000;
/** The registry's schema type of each format. */
const TYPES = { json_schema: 'JSON', avro: 'AVRO' } as const;

/** A compiled schema, or why it cannot be used and until when that holds. */
type Known<T> = { readonly use: T } | { readonly reason: string; readonly until: number };

export class RegisteredSchemas<T> {
  readonly #registry: Pick<SchemaRegistry, 'schema'>;
  readonly #now: () => number;
  readonly #format: keyof typeof TYPES;
  readonly #make: (schema: RegisteredSchema, id: number) => T | Promise<T>;
  readonly #known = new Map<number, Known<T>>();
  /** Characters of the schemas in `#known`. */
  #size = 0;

  /** @param make compiles a schema; throws for one that cannot be used */
  constructor(
    registry: Pick<SchemaRegistry, 'schema'>,
    now: () => number,
    format: keyof typeof TYPES,
    make: (schema: RegisteredSchema, id: number) => T | Promise<T>,
  ) {
    this.#registry = registry;
    this.#now = now;
    this.#format = format;
    this.#make = make;
  }

  /** The id at the beginning of a message. @throws PoisonMessage */
  id(bytes: Uint8Array): number {
    if (bytes[0] !== MAGIC || bytes.length < HEAD_BYTES)
      throw new PoisonMessage(
        `no schema id: with format ${this.#format} a message begins with a byte 0 and four of the id`,
      );
    const id = new DataView(bytes.buffer, bytes.byteOffset).getInt32(1);
    if (id < 0) throw new PoisonMessage(`no schema id: ${id} is none`);
    return id;
  }

  /** Returns a cached schema without a request; null if it is not cached or cannot be used. */
  kept(id: number): T | null {
    const found = this.#known.get(id);
    return found !== undefined && 'use' in found ? found.use : null;
  }

  /**
   * Returns a schema; requests each one once.
   * @throws PoisonMessage if it cannot be used, and errors of the registry's client
   */
  of(id: number): T | Promise<T> {
    const found = this.#known.get(id);
    if (found !== undefined && !('reason' in found && found.until < this.#now())) return usable(found);
    const asked = this.#ask(id);
    // A caller that requests two schemas may fail with the other one without awaiting this one.
    asked.catch(() => undefined);
    return asked;
  }

  async #ask(id: number): Promise<T> {
    const { found, size } = await this.#lookUp(id);
    if (this.#known.size >= MAX_SCHEMAS || this.#size + size > MAX_KEPT) {
      this.#known.clear();
      this.#size = 0;
    }
    this.#known.set(id, found);
    this.#size += size;
    return usable(found);
  }

  /** @returns the compiled schema, and the length of its text */
  async #lookUp(id: number): Promise<{ readonly found: Known<T>; readonly size: number }> {
    try {
      const registered = await this.#registry.schema(id);
      return { found: await this.#made(id, registered), size: registered === null ? 0 : sizeOf(registered) };
    } catch (error) {
      if (!(error instanceof SchemaTooLarge)) throw error;
      const reason = `schema ${id} cannot be used: ${error.message}`;
      return { found: { reason, until: this.#now() + UNKNOWN_MS }, size: 0 };
    }
  }

  async #made(id: number, registered: RegisteredSchema | null): Promise<Known<T>> {
    const later = this.#now() + UNKNOWN_MS;
    if (registered === null) return { reason: `the registry has no schema ${id}`, until: later };
    // A missing reference may be restored.
    const until = [...registered.references.values()].includes('') ? later : Number.MAX_SAFE_INTEGER;
    const refused = (reason: string): Known<T> => ({ reason, until });
    if (registered.type !== TYPES[this.#format])
      return refused(`schema ${id} is ${registered.type}, and the load config says ${this.#format}`);
    try {
      return { use: await this.#make(registered, id) };
    } catch (error) {
      if (error instanceof PoisonMessage) return refused(error.message);
      return refused(`schema ${id} cannot be used: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

/** @throws PoisonMessage */
function usable<T>(known: Known<T>): T {
  if ('reason' in known) throw new PoisonMessage(known.reason);
  return known.use;
}
