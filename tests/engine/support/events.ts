// How a test waits for what another process or a server does: it looks again and again, as long as that takes.

/** Options of `expect.poll`. The limit is for what never comes. */
export const FOR_EVENTS = { interval: 20, timeout: 200_000 };
