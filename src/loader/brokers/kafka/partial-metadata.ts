// A consumer that accepts metadata in which some partitions have errors. The library rejects such an answer as a whole,
// so that one partition without a leader would stop all others.
import type { API, Callback } from '@platformatic/kafka';
import type { LoadConnection } from '../../../connections/kafka-connection.ts';
import { beating, committing } from './group-answers.ts';
import { type ByteConsumer, clientOptions, type KafkaLibrary } from './client-library.ts';

type MetadataResponse = ReturnType<KafkaLibrary['metadataV12']['parseResponse']>;
/** A topic according to the broker, with the error code of each partition. */
export type DescribedTopic = MetadataResponse['topics'][number];

/**
 * @param group name of the consumer group
 * @param described called with each answer before it is used
 */
export function partialConsumer(
  library: KafkaLibrary,
  connection: LoadConnection,
  group: string,
  described: (topics: readonly DescribedTopic[]) => void,
): ByteConsumer {
  class PartialConsumer extends library.Consumer<Buffer, Buffer, Buffer, Buffer> {
    override [library.kGetApi]<Asked extends unknown[], Answer>(
      name: string,
      callback: Callback<API<Asked, Answer>>,
    ): void {
      super[library.kGetApi]<Asked, Answer>(name, (error, api) =>
        callback(error, api === undefined ? api : this.#taking(name, api)),
      );
    }

    #taking<Asked extends unknown[], Answer>(name: string, api: API<Asked, Answer>): API<Asked, Answer> {
      if (name === 'Metadata') return takingPartial(api, described);
      if (name === 'OffsetCommit') return committing(api);
      return name === 'Heartbeat' ? beating(api, () => this.generationId) : api;
    }
  }
  return new PartialConsumer({ groupId: group, ...clientOptions(connection) });
}

function takingPartial<Asked extends unknown[], Answer>(
  api: API<Asked, Answer>,
  described: (topics: readonly DescribedTopic[]) => void,
): API<Asked, Answer> {
  return new Proxy(api, {
    apply(target, self, args) {
      const done: Callback<unknown> = args.at(-1);
      Reflect.apply(target, self, [
        ...args.slice(0, -1),
        (error: Error | null, answer?: MetadataResponse) => {
          const taken = answer ?? partialAnswer(error);
          if (taken === null) return done(error);
          described(taken.topics);
          done(null, taken);
        },
      ]);
    },
  });
}

/** The answer from which an error was made, if only partitions have errors in it; otherwise null. */
function partialAnswer(error: unknown): MetadataResponse | null {
  if (typeof error !== 'object' || error === null || !('response' in error)) return null;
  const answer = error.response as MetadataResponse;
  return answer.topics.every(({ errorCode }) => errorCode === 0) ? answer : null;
}
