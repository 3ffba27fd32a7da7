// A record whose members are read lazily, in its copies too. Its owner reads them.

/**
 * Creates a record of unread members.
 * @param places location of each member
 * @param read reads a member; called once for it, however many copies exist
 */
export function unreadRecord<T, P>(
  places: ReadonlyMap<string, P>,
  read: (key: string, place: P) => T,
): Record<string, T> {
  const record = emptyRecord<T>();
  for (const [key, place] of places) Object.defineProperty(record, key, unreadMember(key, place, read));
  return record;
}

/**
 * An object that V8 keeps as a hash table from the start. As an object with a shape, each member that is read or
 * written would copy the shape of all members: seconds for 700 nodes.
 */
function emptyRecord<T>(): Record<string, T> {
  const record: Record<string, unknown> = { first: null, second: null };
  delete record['first'];
  delete record['second'];
  return record as Record<string, T>;
}

function unreadMember<T, P>(key: string, place: P, read: (key: string, place: P) => T): PropertyDescriptor {
  let member: { readonly value: T } | undefined;
  return {
    enumerable: true,
    configurable: true,
    get(this: object): T {
      member ??= { value: read(key, place) };
      become(this, key, member.value);
      return member.value;
    },
    set(this: object, value: T) {
      become(this, key, value);
    },
  };
}

function become(record: object, key: string, value: unknown): void {
  Object.defineProperty(record, key, { value, enumerable: true, configurable: true, writable: true });
}

/** A shallow copy; its unread members stay unread. */
export function copyOfRecord<T>(record: Readonly<Record<string, T>>): Record<string, T> {
  return Object.defineProperties(emptyRecord<T>(), Object.getOwnPropertyDescriptors(record));
}

/** Whether a member was neither read nor changed. */
export function isUnread(record: object, key: string): boolean {
  return Object.getOwnPropertyDescriptor(record, key)?.get !== undefined;
}
