// Answers about the group that the client library takes for a reason to join it again, and that are none: of a commit,
// and of a heartbeat that was sent in an earlier generation. Each would begin a rebalance of all members, whose commits
// and heartbeats then do the same. A heartbeat of the present generation tells when to join again.
import type { API, Callback } from '@platformatic/kafka';
import { isOutsideGroup } from './errors.ts';

/**
 * A commit that the group refuses is as good as made: nothing reads it but tools that show the lag. By itself the
 * library would join again, with a session of its own choice.
 */
export function committing<Asked extends unknown[], Answer>(api: API<Asked, Answer>): API<Asked, Answer> {
  return answering(api, (error) => (isOutsideGroup(error) ? { throttleTimeMs: 0, topics: [] } : null));
}

/**
 * A heartbeat may wait in the broker behind a request to join, and is then of an earlier generation.
 * @param generation that the client is in now
 */
export function beating<Asked extends unknown[], Answer>(
  api: API<Asked, Answer>,
  generation: () => number,
): API<Asked, Answer> {
  return answering(api, (error, [, , sent]) =>
    isOutsideGroup(error) && sent !== generation() ? { throttleTimeMs: 0, errorCode: 0 } : null,
  );
}

/** @param instead an answer in place of the error; null: none */
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
