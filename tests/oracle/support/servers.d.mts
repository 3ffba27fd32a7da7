// Types of servers.mjs, for the tests that use it.
/** Python with fastavro and Confluent's serializers. */
export function avroPython(): string;
