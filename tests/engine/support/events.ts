// Polling options for tests that wait for another process or a server.

/** Options of `expect.poll`. The timeout only ends waits for events that never happen. */
export const FOR_EVENTS = { interval: 20, timeout: 200_000 };
