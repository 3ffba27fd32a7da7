// The meaning of each error code of Kafka's protocol for a loader, and explanations of client library failures.
import { TsdbtError } from '../../../errors.ts';
import type { LoadConnection } from '../../../connections/kafka-connection.ts';

/**
 * How a code is handled. `retry`: transient; refreshes the metadata. `verify`: like `retry`, and verifies the log.
 * `range`: the position is not in the log. `partition`: stops this partition. `table`: the topic or its group cannot be
 * read. `connection`: the connection is unusable.
 */
export type Remedy = 'retry' | 'verify' | 'range' | 'partition' | 'table' | 'connection';

/** All codes up to Kafka 4.3. Those that only producers and administrators receive stop the table. */
const CODES: Readonly<Record<Remedy, Readonly<Record<string, number>>>> = {
  retry: {
    UNKNOWN_SERVER_ERROR: -1,
    CORRUPT_MESSAGE: 2,
    UNKNOWN_TOPIC_OR_PARTITION: 3,
    LEADER_NOT_AVAILABLE: 5,
    NOT_LEADER_OR_FOLLOWER: 6,
    REQUEST_TIMED_OUT: 7,
    BROKER_NOT_AVAILABLE: 8,
    REPLICA_NOT_AVAILABLE: 9,
    STALE_CONTROLLER_EPOCH: 11,
    NETWORK_EXCEPTION: 13,
    COORDINATOR_LOAD_IN_PROGRESS: 14,
    COORDINATOR_NOT_AVAILABLE: 15,
    NOT_COORDINATOR: 16,
    NOT_ENOUGH_REPLICAS: 19,
    NOT_ENOUGH_REPLICAS_AFTER_APPEND: 20,
    ILLEGAL_GENERATION: 22,
    UNKNOWN_MEMBER_ID: 25,
    REBALANCE_IN_PROGRESS: 27,
    NOT_CONTROLLER: 41,
    CONCURRENT_TRANSACTIONS: 51,
    OPERATION_NOT_ATTEMPTED: 55,
    KAFKA_STORAGE_ERROR: 56,
    REASSIGNMENT_IN_PROGRESS: 60,
    GROUP_ID_NOT_FOUND: 69,
    FETCH_SESSION_ID_NOT_FOUND: 70,
    INVALID_FETCH_SESSION_EPOCH: 71,
    LISTENER_NOT_FOUND: 72,
    STALE_BROKER_EPOCH: 77,
    OFFSET_NOT_AVAILABLE: 78,
    MEMBER_ID_REQUIRED: 79,
    PREFERRED_LEADER_NOT_AVAILABLE: 80,
    GROUP_MAX_SIZE_REACHED: 81,
    ELIGIBLE_LEADERS_NOT_AVAILABLE: 83,
    ELECTION_NOT_NEEDED: 84,
    UNSTABLE_OFFSET_COMMIT: 88,
    THROTTLING_QUOTA_EXCEEDED: 89,
    UNKNOWN_TOPIC_ID: 100,
    BROKER_ID_NOT_REGISTERED: 102,
    INCONSISTENT_TOPIC_ID: 103,
    FETCH_SESSION_TOPIC_ID_ERROR: 106,
    NEW_LEADER_ELECTED: 108,
    FENCED_MEMBER_EPOCH: 110,
    UNRELEASED_INSTANCE_ID: 111,
    STALE_MEMBER_EPOCH: 113,
    SHARE_SESSION_NOT_FOUND: 122,
    INVALID_SHARE_SESSION_EPOCH: 123,
    REBOOTSTRAP_REQUIRED: 129,
    SHARE_SESSION_LIMIT_REACHED: 133,
  },
  verify: { FENCED_LEADER_EPOCH: 74, UNKNOWN_LEADER_EPOCH: 75 },
  range: { OFFSET_OUT_OF_RANGE: 1 },
  partition: {
    INVALID_FETCH_SIZE: 4,
    MESSAGE_TOO_LARGE: 10,
    RECORD_LIST_TOO_LARGE: 18,
    UNSUPPORTED_FOR_MESSAGE_FORMAT: 43,
    LOG_DIR_NOT_FOUND: 57,
    UNSUPPORTED_COMPRESSION_TYPE: 76,
    INVALID_RECORD: 87,
    SNAPSHOT_NOT_FOUND: 98,
    POSITION_OUT_OF_RANGE: 99,
    INELIGIBLE_REPLICA: 107,
    OFFSET_MOVED_TO_TIERED_STORAGE: 109,
  },
  table: {
    OFFSET_METADATA_TOO_LARGE: 12,
    INVALID_TOPIC_EXCEPTION: 17,
    INVALID_REQUIRED_ACKS: 21,
    INCONSISTENT_GROUP_PROTOCOL: 23,
    INVALID_GROUP_ID: 24,
    INVALID_SESSION_TIMEOUT: 26,
    INVALID_COMMIT_OFFSET_SIZE: 28,
    TOPIC_AUTHORIZATION_FAILED: 29,
    GROUP_AUTHORIZATION_FAILED: 30,
    INVALID_TIMESTAMP: 32,
    TOPIC_ALREADY_EXISTS: 36,
    INVALID_PARTITIONS: 37,
    INVALID_REPLICATION_FACTOR: 38,
    INVALID_REPLICA_ASSIGNMENT: 39,
    INVALID_CONFIG: 40,
    POLICY_VIOLATION: 44,
    OUT_OF_ORDER_SEQUENCE_NUMBER: 45,
    DUPLICATE_SEQUENCE_NUMBER: 46,
    INVALID_PRODUCER_EPOCH: 47,
    INVALID_TXN_STATE: 48,
    INVALID_PRODUCER_ID_MAPPING: 49,
    INVALID_TRANSACTION_TIMEOUT: 50,
    TRANSACTION_COORDINATOR_FENCED: 52,
    TRANSACTIONAL_ID_AUTHORIZATION_FAILED: 53,
    UNKNOWN_PRODUCER_ID: 59,
    NON_EMPTY_GROUP: 68,
    TOPIC_DELETION_DISABLED: 73,
    FENCED_INSTANCE_ID: 82,
    NO_REASSIGNMENT_IN_PROGRESS: 85,
    GROUP_SUBSCRIBED_TO_TOPIC: 86,
    PRODUCER_FENCED: 90,
    RESOURCE_NOT_FOUND: 91,
    DUPLICATE_RESOURCE: 92,
    UNACCEPTABLE_CREDENTIAL: 93,
    INCONSISTENT_VOTER_SET: 94,
    INVALID_UPDATE_VERSION: 95,
    FEATURE_UPDATE_FAILED: 96,
    DUPLICATE_BROKER_REGISTRATION: 101,
    TRANSACTIONAL_ID_NOT_FOUND: 105,
    UNSUPPORTED_ASSIGNOR: 112,
    UNKNOWN_CONTROLLER_ID: 116,
    UNKNOWN_SUBSCRIPTION_ID: 117,
    TELEMETRY_TOO_LARGE: 118,
    INVALID_REGISTRATION: 119,
    TRANSACTION_ABORTABLE: 120,
    INVALID_RECORD_STATE: 121,
    FENCED_STATE_EPOCH: 124,
    INVALID_VOTER_KEY: 125,
    DUPLICATE_VOTER: 126,
    VOTER_NOT_FOUND: 127,
    INVALID_REGULAR_EXPRESSION: 128,
    STREAMS_INVALID_TOPOLOGY: 130,
    STREAMS_INVALID_TOPOLOGY_EPOCH: 131,
    STREAMS_TOPOLOGY_FENCED: 132,
  },
  connection: {
    CLUSTER_AUTHORIZATION_FAILED: 31,
    UNSUPPORTED_SASL_MECHANISM: 33,
    ILLEGAL_SASL_STATE: 34,
    UNSUPPORTED_VERSION: 35,
    INVALID_REQUEST: 42,
    SECURITY_DISABLED: 54,
    SASL_AUTHENTICATION_FAILED: 58,
    DELEGATION_TOKEN_AUTH_DISABLED: 61,
    DELEGATION_TOKEN_NOT_FOUND: 62,
    DELEGATION_TOKEN_OWNER_MISMATCH: 63,
    DELEGATION_TOKEN_REQUEST_NOT_ALLOWED: 64,
    DELEGATION_TOKEN_AUTHORIZATION_FAILED: 65,
    DELEGATION_TOKEN_EXPIRED: 66,
    INVALID_PRINCIPAL_TYPE: 67,
    PRINCIPAL_DESERIALIZATION_FAILURE: 97,
    INCONSISTENT_CLUSTER_ID: 104,
    MISMATCHED_ENDPOINT_TYPE: 114,
    UNSUPPORTED_ENDPOINT_TYPE: 115,
  },
};

const BY_CODE = new Map(
  Object.entries(CODES).flatMap(([remedy, codes]) =>
    Object.entries(codes).map(([name, code]) => [code, { name, remedy: remedy as Remedy }] as const),
  ),
);

/**
 * How a code other than 0 is handled. A code newer than this table counts as a server error, as in Kafka's own clients.
 */
export function remedyOf(code: number): Remedy {
  return BY_CODE.get(code)?.remedy ?? 'retry';
}

/** `KAFKA_STORAGE_ERROR (56)`. */
export function errorName(code: number): string {
  return `${BY_CODE.get(code)?.name ?? 'an error that is not known here'} (${code})`;
}

/**
 * The error for a code in an answer: a `connection` error if it is transient, otherwise one that says what cannot be
 * done.
 */
export function answerError(
  code: number,
  connection: LoadConnection,
  topics: readonly string[],
  cause?: unknown,
): TsdbtError {
  const { name = '' } = BY_CODE.get(code) ?? {};
  if (name.includes('SASL')) return refusedCredentials(connection, cause);
  if (name.endsWith('_AUTHORIZATION_FAILED'))
    return notAuthorized(
      connection,
      name.startsWith('GROUP')
        ? `use its consumer group (read on group ${'`tsdbt.*`'})`
        : `read topic ${topics.join(', ')}`,
      cause,
    );
  const brokers = connection.brokers.join(', ');
  const remedy = remedyOf(code);
  if (remedy === 'retry' || remedy === 'verify')
    return new TsdbtError('connection', `the broker at ${brokers} answers ${errorName(code)}`, { cause });
  return new TsdbtError(
    'runtime',
    `The broker at ${brokers} refuses what it is asked about topic ${topics.join(', ')}: ${errorName(code)}.`,
    remedy === 'connection'
      ? {
          path: connection.path,
          hint: `See that connection '${connection.name}' is right; the broker's log says more.`,
          cause,
        }
      : { hint: "The broker's log says more.", cause },
  );
}

/** Answers to a request from an unknown member, or from another generation of the group. */
const OUTSIDE_GROUP: ReadonlySet<string> = new Set([
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
  'REBALANCE_IN_PROGRESS',
]);
/** Answers about a member that the group does not have. */
const NO_MEMBER: ReadonlySet<string> = new Set(['UNKNOWN_MEMBER_ID', 'GROUP_ID_NOT_FOUND']);

/** The codes of broker answers in an error of the client library. */
function answerCodes(error: unknown): number[] {
  if (!(error instanceof Error)) return [];
  const apiCode: unknown = Reflect.get(error, 'apiCode');
  const errors: unknown = Reflect.get(error, 'errors');
  return [
    ...(typeof apiCode === 'number' ? [apiCode] : []),
    ...(Array.isArray(errors) ? errors.flatMap(answerCodes) : []),
    ...answerCodes(error.cause),
  ];
}

/** Whether the error only says that the group does not have the member. */
export function isNoMember(error: unknown): boolean {
  const codes = answerCodes(error);
  return codes.length > 0 && codes.every((code) => NO_MEMBER.has(BY_CODE.get(code)?.name ?? ''));
}

/** Whether an answer says that a request came from an unknown member, or from another generation of the group. */
export function isOutsideGroup(error: unknown): boolean {
  return answerCodes(error).some((code) => OUTSIDE_GROUP.has(BY_CODE.get(code)?.name ?? ''));
}

/**
 * Explains a failure of the client library: the broker is unavailable, or it rejects this client.
 * @param answered whether the broker has answered before
 */
export function brokerError(
  error: unknown,
  connection: LoadConnection,
  topics: readonly string[],
  answered = false,
): TsdbtError {
  if (error instanceof TsdbtError) return error;
  const texts: string[] = [];
  const codes = new Set<string>();
  let unread = false;
  /** The error of a secret that could not be read. */
  let ours: TsdbtError | null = null;
  const visit = (each: unknown): void => {
    if (!(each instanceof Error)) return;
    if (each instanceof TsdbtError) ours ??= each;
    texts.push(each.message);
    if (each instanceof TypeError || each instanceof RangeError) unread = true;
    const { code, apiId, errors } = each as { code?: unknown; apiId?: unknown; errors?: unknown };
    for (const id of [code, apiId]) if (typeof id === 'string') codes.add(id);
    if (Array.isArray(errors)) errors.forEach(visit);
    visit(each.cause);
  };
  visit(error);
  if (ours !== null) return ours;
  const brokers = connection.brokers.join(', ');
  const { path, name } = connection;
  // The library's message for metadata of a topic that does not exist.
  const unknown = /Unknown topic (\S+?)\.?$/.exec(texts[0] ?? '')?.[1];
  if (unknown !== undefined)
    return new TsdbtError('runtime', `Topic ${unknown} does not exist on ${brokers}`, {
      hint: 'Make it, as `tsdbt produce --partitions 3` does, or mend its name.',
      cause: error,
    });
  const has = (pattern: RegExp): boolean => [...codes].some((code) => pattern.test(code));
  if (has(/^PLT_KFK_AUTHENTICATION$/) && !has(/^(E[A-Z]+|PLT_KFK_NETWORK)$/))
    return refusedCredentials(connection, error);
  // A permanent error takes precedence over a transient one.
  const answers = answerCodes(error);
  const answer = answers.find((code) => !['retry', 'verify'].includes(remedyOf(code))) ?? answers.at(-1);
  if (answer !== undefined) return answerError(answer, connection, topics, error);
  const told =
    texts.find((text) => !/^(Connection to|Cannot connect|.* failed \d+ times)/.test(text)) ??
    texts.at(-1) ??
    String(error);
  if (has(/CERT|^ERR_SSL|^ERR_TLS|SELF_SIGNED|^UNABLE_TO/)) {
    const reason = texts.findLast((text) => /certificate|alert|SSL|ssl/i.test(text)) ?? told;
    return new TsdbtError('runtime', `No TLS connection to ${brokers}: ${reason}`, {
      path,
      hint:
        'tls: { ca, cert, key, servername } in the connection: who is trusted, who we are, and the name in the ' +
        "broker's certificate.",
      cause: error,
    });
  }
  const plain = texts.some((text) => /requires TLS/.test(text));
  // A broker that closes the connection in a handshake looks like one without TLS.
  if (plain || (!answered && texts.some((text) => /TLS handshake failed/.test(text)))) {
    return new TsdbtError(
      'runtime',
      plain ? `The broker at ${brokers} speaks TLS only.` : `The broker at ${brokers} does not speak TLS.`,
      {
        path,
        hint: plain
          ? `tls: true in connection '${name}'.`
          : `Leave 'tls' out of connection '${name}', or name the broker's port for TLS.`,
        cause: error,
      },
    );
  }
  // The library rejects the request: waiting does not help.
  if (has(/^PLT_KFK_USER$/) && !has(/^(E[A-Z]+|PLT_KFK_NETWORK)$/))
    return new TsdbtError('internal', told, { cause: error });
  if (has(/^PLT_KFK_UNSUPPORTED(_API)?$/))
    return new TsdbtError('runtime', `The broker at ${brokers} is of another age than this client: ${told}`, {
      path,
      hint: 'Kafka 2.3 or newer is needed.',
      cause: error,
    });
  if (unread && !has(/^(E[A-Z]+|PLT_KFK_NETWORK)$/))
    return new TsdbtError('connection', `the broker at ${brokers} answers what cannot be read`, { path, cause: error });
  const closed =
    !answered &&
    (connection.tls === null || connection.tls.cert === undefined) &&
    texts.some((text) => /Connection closed/.test(text));
  const wanted = connection.tls !== null ? "a client's certificate" : connection.sasl === null ? 'TLS or SASL' : 'TLS';
  const reason = closed
    ? `it closes the connection at once; it is starting, or it wants ${wanted}`
    : (texts.at(-1) ?? String(error));
  return new TsdbtError('connection', `no broker answers at ${brokers}: ${reason}`, { path, cause: error });
}

/** An ACL of the broker denies it. */
function notAuthorized(connection: LoadConnection, what: string, cause?: unknown): TsdbtError {
  const { sasl } = connection;
  const user = sasl !== null && 'username' in sasl ? `user ${sasl.username}` : 'this client';
  return new TsdbtError('runtime', `The broker at ${connection.brokers.join(', ')} does not let ${user} ${what}.`, {
    hint: 'An ACL of the broker must allow it.',
    cause,
  });
}

/** The mechanisms that the broker supports, according to an answer in an error of the client library. */
function offeredMechanisms(error: unknown): readonly string[] {
  if (!(error instanceof Error)) return [];
  const response: unknown = Reflect.get(error, 'response');
  const offered: unknown = typeof response === 'object' && response !== null && Reflect.get(response, 'mechanisms');
  if (Array.isArray(offered)) return offered.map(String);
  const errors: unknown = Reflect.get(error, 'errors');
  return [...(Array.isArray(errors) ? errors : []), error.cause].flatMap(offeredMechanisms);
}

/** The broker does not accept the user, password or token, or does not support the mechanism. */
export function refusedCredentials(connection: LoadConnection, cause?: unknown): TsdbtError {
  const { name, path, sasl } = connection;
  const broker = `The broker at ${connection.brokers.join(', ')}`;
  const answers = new Set(answerCodes(cause));
  if (answers.has(CODES.connection['ILLEGAL_SASL_STATE'] ?? 0))
    return new TsdbtError('runtime', `${broker} takes no SASL at this port.`, {
      path,
      hint: `Leave 'sasl' out of connection '${name}', or name the broker's port for SASL.`,
      cause,
    });
  if (answers.has(CODES.connection['UNSUPPORTED_SASL_MECHANISM'] ?? 0)) {
    const offered = [...new Set(offeredMechanisms(cause))].join(', ');
    return new TsdbtError(
      'runtime',
      `${broker} does not take the mechanism ${sasl?.mechanism} of connection '${name}'.`,
      {
        path,
        hint: offered === '' ? "sasl: 'mechanism' must be one of the broker's." : `It takes ${offered}.`,
        cause,
      },
    );
  }
  return new TsdbtError('runtime', `${broker} refuses the credentials of connection '${name}'.`, {
    path,
    hint:
      sasl?.mechanism === 'OAUTHBEARER'
        ? "sasl: where the token comes from; the broker's log says what it does not like of it."
        : 'sasl: mechanism, username and password; the password comes from the environment or a file.',
    cause,
  });
}
