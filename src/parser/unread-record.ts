// A record whose members are read when somebody looks at them, in copies of it too. Leaves reading to its owner.

/**
 * A record of unread members.
 * @param places where each member is
 * @param read gives a member; asked once for it, whatever copies there are
 */
export function unreadRecord<T, P>(
  places: ReadonlyMap<string, P>,
  read: (key: string, place: P) => T,
): Record<string, T> {
  const record: Record<string, T> = {};
  for (const [key, place] of places) Object.defineProperty(record, key, unreadMember(key, place, read));
  return record;
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

/** A shallow copy in which what is unread stays so. */
export function copyOfRecord<T>(record: Readonly<Record<string, T>>): Record<string, T> {
  const copy: Record<string, T> = {};
  return Object.defineProperties(copy, Object.getOwnPropertyDescriptors(record));
}

/** Whether nobody has looked at a member or changed it. */
export function isUnread(record: object, key: string): boolean {
  return Object.getOwnPropertyDescriptor(record, key)?.get !== undefined;
}
