// Runs work on both sides concurrently. An error of one side is thrown after the other side has ended as well, so that
// the caller can release both sessions.

/** @returns the results of both @throws the error of `here`, otherwise that of `there` */
export async function bothSides<T>(here: Promise<T>, there: Promise<T>): Promise<[T, T]> {
  const [ours, theirs] = await Promise.allSettled([here, there]);
  if (ours.status === 'rejected') throw ours.reason;
  if (theirs.status === 'rejected') throw theirs.reason;
  return [ours.value, theirs.value];
}
