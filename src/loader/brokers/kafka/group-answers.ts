// Suppresses group answers that the client library wrongly treats as a reason to rejoin: those to a commit, and to a
// heartbeat sent in an earlier generation. Each would cause a rebalance of all members, whose commits and heartbeats
// then do the same. A heartbeat of the current generation shows when rejoining is necessary.
import type { API, Callback } from '@platformatic/kafka';
import { isOutsideGroup } from './protocol-errors.ts';

/**
 * A commit that the group rejects counts as done: only tools that show the lag read it. By default the library would
 * rejoin, with a session timeout that it chooses.
 */
export function committing<Asked extends unknown[], Answer>(api: API<Asked, Answer>): API<Asked, Answer> {
  return answering(api, (error) => (isOutsideGroup(error) ? { throttleTimeMs: 0, topics: [] } : null));
}

/** A heartbeat may wait in the broker after a join request, and then belongs to an earlier generation. */
export function beating<Asked extends unknown[], Answer>(
  api: API<Asked, Answer>,
  generation: () => number,
): API<Asked, Answer> {
  return answering(api, (error, [, , sent]) =>
    isOutsideGroup(error) && sent !== generation() ? { throttleTimeMs: 0, errorCode: 0 } : null,
  );
}

/** @param instead an answer that replaces the error; null: none */
function answering<Asked extends unknown[], Answer>(
  api: API<Asked, Answer>,
  instead: (error: unknown, args: readonly unknown[]) => unknown,
): API<Asked, Answer> {
  return new Proxy(api, {
    apply(target, self, args) {
      const done: Callback<unknown> = args.at(-1);
      Reflect.apply(target, self, [
        ...args.slice(0, -1),
        (error: Error | null, answer?: unknown) => {
          const taken = error === null ? null : instead(error, args);
          if (taken === null) done(error, answer);
          else done(null, taken);
        },
      ]);
    },
  });
}
