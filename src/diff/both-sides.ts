// Work on both sides at once. An error of one side is thrown when the other side has ended, too: who catches it
// releases the sessions of both.

/** @returns what the two give @throws the error of `here`, else that of `there` */
export async function bothSides<T>(here: Promise<T>, there: Promise<T>): Promise<[T, T]> {
  const [ours, theirs] = await Promise.allSettled([here, there]);
  if (ours.status === 'rejected') throw ours.reason;
  if (theirs.status === 'rejected') throw theirs.reason;
  return [ours.value, theirs.value];
}
